/// `agentidp hook`: what works on files, and what is asked of a running daemon.
#include "base/text.h"
#include "cli/hook/file_commands.h"

namespace agentidp::cli {

std::string hookUsage() {
    std::string out = "agentidp hook COMMAND\n\nOn files, without a daemon:\n";
    for (const auto& command : fileHookCommands()) out += "  " + std::string(command.usage) + "\n";
    out += "\nOf the running daemon:\n";
    for (const auto& command : liveHookCommands()) out += "  " + std::string(command.usage) + "\n";
    return out +
           "\nFILE may be -, standard input. docs/hook-authors begins from nothing.\n\n  agentidp hook test /etc/agentidp/hooks.d "
           "--coverage "
           "--min 90\n  agentidp hook run --input ctx.json corp.lua\n  agentidp hook mode corp-scope-guard shadow";
}

int runHook(const Invocation& invocation) {
    std::vector<std::string> names;
    for (const auto& commands : {fileHookCommands(), liveHookCommands()})
        for (const auto& command : commands) names.emplace_back(command.name);
    if (invocation.words.empty()) return refuse("hook " + base::join(names, ", "), kMisuse);
    const auto& name = invocation.words.front();
    for (const auto& commands : {fileHookCommands(), liveHookCommands()})
        for (const auto& command : commands) {
            if (command.name != name) continue;
            auto rest = invocation;
            rest.words.erase(rest.words.begin());
            return command.run(rest);
        }
    const auto near = base::nearest(name, names);
    return refuse("there is no hook " + name + (near ? "; did you mean " + *near + "?" : ": " + base::join(names, ", ")), kMisuse);
}

}  // namespace agentidp::cli
