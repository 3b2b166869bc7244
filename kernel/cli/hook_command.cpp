/// `agentidp hook`: the list of its verbs.
#include <algorithm>

#include "base/text.h"
#include "cli/hook/verbs.h"

namespace agentidp::cli {
namespace {

constexpr Command kVerbs[] = {
    {"check", "", "", runHookCheck},   {"test", "", "", runHookTest},         {"run", "", "", runHookRun},
    {"bench", "", "", runHookBench},   {"api", "", "", runHookApi},           {"replay", "", "", runHookReplay},
    {"sign", "", "", runHookSign},     {"selftest", "", "", runHookSelftest}, {"list", "", "", runHookList},
    {"status", "", "", runHookStatus}, {"mode", "", "", runHookMode},         {"push", "", "", runHookPush},
    {"reload", "", "", runHookReload}, {"rollback", "", "", runHookRollback},
};

}  // namespace

int runHook(const Invocation& invocation) {
    std::vector<std::string> names;
    for (const auto& verb : kVerbs) names.emplace_back(verb.name);
    if (invocation.words.empty()) return refuse("hook " + base::join(names, ", "), kMisuse);
    const auto& name = invocation.words.front();
    const auto* verb = std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const Command& item) { return item.name == name; });
    if (verb == std::end(kVerbs)) {
        const auto near = base::nearest(name, names);
        return refuse("there is no hook " + name + (near ? "; did you mean " + *near + "?" : ": " + base::join(names, ", ")), kMisuse);
    }
    auto rest = invocation;
    rest.words.erase(rest.words.begin());
    return verb->run(rest);
}

}  // namespace agentidp::cli
