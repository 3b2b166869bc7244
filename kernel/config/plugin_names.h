#pragma once
/// @file kernel/config/plugin_names.h
/// How settings speak of plugins: `plugins.<kind>-<name>.<key>`.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace agentidp::config {

struct PluginKey {
    std::string plugin;  ///< `<kind>-<name>`
    std::string key;
};
/// Nothing for a key of any other shape, or of a kind there is not.
[[nodiscard]] std::optional<PluginKey> pluginKeyOf(std::string_view key);

/// Every `<kind>-<name>` that these settings load.
[[nodiscard]] std::vector<std::string> pluginsNamed(const Settings& settings);

}  // namespace agentidp::config
