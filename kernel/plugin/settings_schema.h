#pragma once
/// @file kernel/plugin/settings_schema.h
/// A plugin's own settings against the schema it carries (aip_plugin.config_schema_json): what create receives is checked, whole
/// and flat. No message here quotes a value: a setting may be a secret in itself.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace agentidp::plugin {

/// One setting as it was written: the name without `plugins.<kind>-<name>.`, and its text.
using SettingText = std::pair<std::string, std::string>;

class SettingsSchema {
public:
    enum class Type { String, Integer, Boolean, SecretRef, List };
    struct Setting {
        std::string name;
        Type type = Type::String;
        bool required = false;
        std::optional<base::json::Value> otherwise;  ///< the default, of the right type
        std::optional<std::int64_t> min, max;        ///< integers only
        std::vector<std::string> allowed;            ///< strings and items of lists; empty: any
        std::string doc;
    };

    /// Errc::Invalid: the plugin's author wrote a schema that plugin.h does not describe.
    static base::Result<SettingsSchema> parse(std::string_view json);

    [[nodiscard]] const std::vector<Setting>& settings() const { return settings_; }
    /// The JSON that create receives: every setting that is given or has a default. Errc::Invalid names every problem with its
    /// setting, `plugins.<plugin>.<name>`: an unknown name (and the nearest known), a wrong type, a value out of range.
    [[nodiscard]] base::Result<std::string> configFromTexts(std::string_view plugin, const std::vector<SettingText>& given) const;
    /// The same from typed values, for `plugin check --config`.
    [[nodiscard]] base::Result<std::string> configFromJson(std::string_view plugin, const base::json::Object& given) const;

private:
    std::vector<Setting> settings_;
};

[[nodiscard]] std::string_view nameOf(SettingsSchema::Type type);

}  // namespace agentidp::plugin
