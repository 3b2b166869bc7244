/// The process that rotates is killed before and behind each durable step of a rotation. After every death and after the start that
/// follows: one key at most is active, every key was published for the JWKS max-age before it signed, and the JWKS lost none within its
/// grace.
#include <cppunit/extensions/HelperMacros.h>
#include <signal.h>

#include <fstream>
#include <map>
#include <set>

#include "base/text.h"
#include "store/signing_keys.h"
#include "support/crash_child.h"
#include "support/loaded_plugin.h"
#include "support/skip.h"
#include "support/temp_folder.h"

using namespace agentidp;
using model::KeyState;

namespace {

using tests::Death;
using tests::kFailpoints;

Death runChild(const tests::TempFolder& folder, const std::string& failpoint) {
    return tests::runCrashChild(AGENTIDP_CRASH_CHILD, {folder.path("data")}, failpoint, folder.path("told"));
}

}  // namespace

class KeyCrashTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KeyCrashTest);
    CPPUNIT_TEST(keepsItsPromisesThroughAKillAtEveryStep);
    CPPUNIT_TEST_SUITE_END();

    static void assertRows(const tests::TempFolder& folder, const std::string& after, std::size_t leastActive) {
        const base::SystemClock clock;
        tests::LoadedPlugin plugin(clock, plugin::wanted(AIP_KIND_STORAGE, "sqlite", {}), folder.path("data"));
        const auto rows = store::readSigningKeys(plugin.catalog().storage(), clock);
        CPPUNIT_ASSERT_MESSAGE(after, rows.ok());
        std::size_t active = 0;
        for (const auto& row : *rows) {
            const auto at = after + ": key " + row.kid.str();
            if (row.state == KeyState::Active) ++active;
            if (row.activatedAt) {
                CPPUNIT_ASSERT_MESSAGE(at, row.publishedAt && *row.publishedAt <= *row.activatedAt);
                const bool first = row.kid == rows->front().kid;
                CPPUNIT_ASSERT_MESSAGE(at, first || *row.publishedAt + base::seconds(AGENTIDP_TEST_MAX_AGE) <= *row.activatedAt);
            }
            if (row.goneAt && row.activatedAt)
                CPPUNIT_ASSERT_MESSAGE(at, row.retiringAt && *row.retiringAt + base::seconds(AGENTIDP_TEST_GRACE) <= *row.goneAt);
        }
        CPPUNIT_ASSERT_MESSAGE(after, active <= 1 && active >= leastActive);
    }

    /// What every process said, in order: who signed was served a max-age before, and for its grace after.
    static void assertTold(const tests::TempFolder& folder, const std::string& after) {
        std::ifstream told(folder.path("told"));
        std::string line;
        std::map<std::string, std::int64_t> firstServed, lastSigned;
        std::string firstKey;
        while (std::getline(told, line)) {
            const auto words = base::split(line, ' ');
            const auto second = words.size() > 1 ? base::parseInt(words[1]) : std::nullopt;
            CPPUNIT_ASSERT_MESSAGE(after + ": " + line, second.has_value() && words.size() > 2);
            if (words[0] == "signed") {
                const auto& kid = words[2];
                if (firstKey.empty()) firstKey = kid;
                const auto served = firstServed.find(kid);
                CPPUNIT_ASSERT_MESSAGE(after + ": signed unserved: " + line, served != firstServed.end());
                lastSigned[kid] = *second;
                continue;
            }
            const std::set<std::string> kids(words.begin() + 2, words.end());
            for (const auto& kid : kids) firstServed.emplace(kid, *second);
            for (const auto& [kid, at] : lastSigned)
                CPPUNIT_ASSERT_MESSAGE(after + ": " + kid + " is missing: " + line,
                                       kids.contains(kid) || *second >= at + AGENTIDP_TEST_GRACE);
        }
    }

    void keepsItsPromisesThroughAKillAtEveryStep() {
        if (!kFailpoints) return tests::skip("failpoints are not compiled in");
        for (const std::string name :
             {"keys.before_record", "keys.after_generate", "keys.after_record", "keys.before_publish", "keys.after_publish",
              "keys.before_activate", "keys.after_activate", "keys.before_remove", "keys.before_retire_in_plugin", "keys.after_remove",
              "ledger.before_commit", "ledger.after_commit"}) {
            for (const std::string arrival : {"1", "2"}) {
                const tests::TempFolder folder;
                const auto point = name + ":" + arrival + ":kill";
                CPPUNIT_ASSERT_EQUAL_MESSAGE(point, SIGKILL, runChild(folder, point).signal);
                assertRows(folder, point, 0);
                assertTold(folder, point);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(point, 0, runChild(folder, "").code);
                assertRows(folder, point + ", and a start", 1);
                assertTold(folder, point + ", and a start");
            }
        }
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(KeyCrashTest);
