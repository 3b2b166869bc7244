#pragma once
/// @file kernel/cli/hook/live_commands.h
/// `agentidp hook list|status|mode|rollback|reload|push`: what is asked of a running daemon about its hooks, over the control socket.
#include <span>
#include <string_view>

#include "cli/invocation.h"

namespace agentidp::cli {

struct HookSubcommand {
    std::string_view name;
    std::string_view usage;
    /// `words` of the invocation begin behind the subcommand's name.
    int (*run)(const Invocation& invocation);
};
[[nodiscard]] std::span<const HookSubcommand> liveHookCommands();

}  // namespace agentidp::cli
