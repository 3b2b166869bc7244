#pragma once
/// @file kernel/config/checks.h
/// What no single setting can tell: settings that contradict each other, and what `mode = production` demands.
#include <string>
#include <vector>

#include "config/settings.h"

namespace agentidp::config {

/// Each text names the settings and the mend; empty where all is well.
[[nodiscard]] std::vector<std::string> crossCheck(const Settings& settings);

}  // namespace agentidp::config
