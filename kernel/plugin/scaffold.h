#pragma once
/// @file kernel/plugin/scaffold.h
/// `agentidp plugin new`: a folder that builds, passes `agentidp plugin check` as it stands, and is ready to be filled.
#include <string>
#include <vector>

#include "base/result.h"

namespace agentidp::plugin {

/// Writes the project of plugin <kind>-<name> into `folder`, which must be absent or empty, and answers the files. Errors: Invalid
/// (kind or name), Exists (the folder holds something), Unsupported (storage: its sentence says where to begin), Unavailable.
[[nodiscard]] base::Result<std::vector<std::string>> scaffold(const std::string& kind, const std::string& name, const std::string& folder);

}  // namespace agentidp::plugin
