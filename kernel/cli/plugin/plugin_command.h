#pragma once
/// @file kernel/cli/plugin/plugin_command.h
/// `agentidp plugin list|check|new`: for those who write plugins, and those who install them.
#include <string>
#include <vector>

namespace agentidp::cli {

/// `arguments` are those behind the word `plugin`. Answers the exit code: 0 done, 1 a check failed, 2 misuse. To be called before this
/// process has a second thread.
int pluginCommand(const std::vector<std::string>& arguments);

}  // namespace agentidp::cli
