/// Any bytes as what a remote service answers: what is taken is UTF-8, no deeper than 32, and no object names a member twice. The same
/// bytes as base64 come back as they were, or are refused.
#include <algorithm>

#include "base/text.h"
#include "byte_input.h"
#include "remote/base64.h"
#include "remote/json.h"

namespace {

using agentidp::fuzz::require;
using agentidp::remote::Json;

void look(const Json& value, int depth) {
    require(depth <= 33);
    if (const auto text = value.text()) require(agentidp::base::isUtf8(*text));
    const auto members = value.members();
    for (std::size_t i = 0; i < members.size(); ++i) {
        require(i == 0 || members[i - 1].first < members[i].first);
        look(members[i].second, depth + 1);
    }
    for (const auto& item : value.items()) look(item, depth + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = agentidp::fuzz::textOf(data, size);
    if (const auto bytes = agentidp::remote::unbase64(text)) require(agentidp::remote::base64(bytes->view()).view() == text);
    if (const auto value = Json::parse(text)) {
        require(agentidp::base::isUtf8(text));
        look(*value, 1);
    }
    return 0;
}
