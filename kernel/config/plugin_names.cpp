#include "config/plugin_names.h"

#include <algorithm>
#include <array>

namespace agentidp::config {

std::optional<PluginKey> pluginKeyOf(std::string_view key) {
    constexpr std::string_view kPrefix = "plugins.";
    constexpr std::array<std::string_view, 5> kKinds{"storage-", "keys-", "ratelimit-", "job-", "secrets-"};
    if (!key.starts_with(kPrefix)) return std::nullopt;
    key.remove_prefix(kPrefix.size());
    const auto dot = key.find('.');
    if (dot == std::string_view::npos || dot + 1 == key.size()) return std::nullopt;
    const auto plugin = key.substr(0, dot);
    const auto* kind = std::find_if(kKinds.begin(), kKinds.end(), [&](std::string_view prefix) { return plugin.starts_with(prefix); });
    if (kind == kKinds.end() || plugin.size() == kind->size()) return std::nullopt;
    if (problemWith(plugin.substr(kind->size()), {SettingType::Kind::Name})) return std::nullopt;
    return PluginKey{std::string(plugin), std::string(key.substr(dot + 1))};
}

std::vector<std::string> pluginsNamed(const Settings& settings) {
    std::vector<std::string> names;
    const auto add = [&](std::string_view kind, const std::string& name) {
        if (!name.empty()) names.push_back(std::string(kind) + name);
    };
    add("storage-", settings.text(Setting::StoragePlugin));
    add("keys-", settings.text(Setting::KeysPlugin));
    add("keys-", settings.text(Setting::KeysPrevious));
    add("ratelimit-", settings.text(Setting::RatelimitPlugin));
    if (settings.text(Setting::CredentialsStore) == "vault") add("secrets-", "vault");
    for (const auto& job : settings.list(Setting::Jobs)) add("job-", job);
    return names;
}

}  // namespace agentidp::config
