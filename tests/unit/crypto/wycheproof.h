#pragma once
/// @file tests/unit/crypto/wycheproof.h
/// Reads the Wycheproof vectors. A suite says for every vector what our code must do; vectorsFolder() empty means skip.
#include <cppunit/TestAssert.h>

#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "base/json.h"
#include "base/text.h"
#include "support/skip.h"

namespace agentidp::tests {

struct Tally {
    int accepted = 0;
    int refused = 0;
};

inline base::Bytes hexMember(const base::json::Value& object, std::string_view name) {
    return base::unhex(object.textOr(name, "")).value();
}

/// Calls `each(group, test)` for every vector of the file; its answer is whether our code accepts. A `valid` one that is not
/// accepted, or an `invalid` one that is, fails the test by its number. `acceptable` is what the caller decided about those.
inline Tally forEachVector(const std::string& file, bool acceptable,
                           const std::function<bool(const base::json::Value& group, const base::json::Value& test)>& each) {
    Tally tally;
    const std::string folder = vectorsFolder();
    if (folder.empty()) {
        skip("no vectors beside the checkout: set AGENTIDP_VECTORS");
        return tally;
    }
    std::ifstream in(folder + "/wycheproof/" + file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    const auto document = base::json::parse(text.str(), {std::size_t{1} << 24U, 32});
    CPPUNIT_ASSERT_MESSAGE(file + " is not readable", document.ok());
    for (const auto& group : *document->find("testGroups")->asArray())
        for (const auto& test : *group.find("tests")->asArray()) {
            const std::string result = test.textOr("result", "");
            const bool wanted = result == "valid" || (result == "acceptable" && acceptable);
            const bool accepted = each(group, test);
            const std::string name = file + " tcId " + std::to_string(test.intOr("tcId", -1)) + " " + test.textOr("comment", "");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, wanted, accepted);
            ++(accepted ? tally.accepted : tally.refused);
        }
    return tally;
}

}  // namespace agentidp::tests
