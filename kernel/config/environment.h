#pragma once
/// @file kernel/config/environment.h
/// Environment variables as a value, so that tests own them and nothing reads the process's environment behind the loader's back.
#include <map>
#include <string>
#include <string_view>

namespace agentidp::config {

using Environment = std::map<std::string, std::string, std::less<>>;

/// A copy of the process's variables. Before threads start.
[[nodiscard]] Environment environmentOfProcess();

/// The value, or null where the variable is absent or empty: compose files and shells write "unset" as "empty".
[[nodiscard]] const std::string* find(const Environment& environment, std::string_view name);

}  // namespace agentidp::config
