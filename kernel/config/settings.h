#pragma once
/// @file kernel/config/settings.h
/// The settings of one configuration as an immutable value: each setting of settings.def with its text and where that came from,
/// and the plugins' own settings. Made by loader.h; a reload makes another one.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/setting_type.h"

namespace agentidp::config {

enum class Setting {
#define AGENTIDP_SETTING(id, key, type, fallback, change, doc) id,
#include "config/settings.def"
#undef AGENTIDP_SETTING
};

enum class Change { Start, Reload };

/// One row of settings.def.
struct SettingInfo {
    Setting id;
    std::string_view key;
    SettingType type;
    std::string_view fallback;
    Change change;
    std::string_view doc;
};
/// Every setting, in the order of the table; the index is the enum's value.
[[nodiscard]] const std::vector<SettingInfo>& allSettings();
[[nodiscard]] const SettingInfo& infoOf(Setting id);
/// `data.dir` is AGENTIDP_DATA_DIR.
[[nodiscard]] std::string environmentNameOf(std::string_view key);

/// Where a value came from; later kinds are stronger.
struct Origin {
    enum class Kind {
        BuiltIn,
        Derived,      ///< follows from other settings; `where` names them
        Reference,    ///< a variable of the systems we replace, such as PORT
        File,         ///< `where` is file:line
        Environment,  ///< an AGENTIDP_ variable
        CommandLine,
    };
    Kind kind = Kind::BuiltIn;
    std::string where;
};
/// "built-in", "PORT", "/etc/agentidp/agentidp.properties:12", "AGENTIDP_DATA_DIR", "command line".
[[nodiscard]] std::string describe(const Origin& origin);

struct PluginSetting {
    std::string key;    ///< without `plugins.<kind>-<name>.`
    std::string value;  ///< may be a secret in itself: never log it, show redacted()
    Origin origin;
};

/// `hooks.<script>.mode` and `hooks.<script>.state`: the only settings of one script. A reload applies them.
struct HookSetting {
    std::string script;
    std::string key;  ///< "mode" or "state"
    std::string value;
    Origin origin;
};
struct HookKey {
    std::string script;
    std::string key;
};
/// Nothing for a key of any other shape.
[[nodiscard]] std::optional<HookKey> hookKeyOf(std::string_view key);
/// Why `value` is none that `key` ("mode", "state") may have; nothing where it is.
[[nodiscard]] std::optional<std::string> problemWithHook(std::string_view key, std::string_view value);

/// Cheap enough to copy at a reload, not per request. Any thread may read.
class Settings {
public:
    /// The built-in values.
    Settings();

    /// The text of a setting of any type; empty where it is not set.
    [[nodiscard]] const std::string& text(Setting id) const { return at(id).value; }
    /// Asking for a type the table does not give that setting is a bug and aborts.
    [[nodiscard]] std::int64_t integer(Setting id) const;
    [[nodiscard]] bool flag(Setting id) const;
    [[nodiscard]] std::vector<std::string> list(Setting id) const;
    /// True if somebody said so: not built in and not derived.
    [[nodiscard]] bool given(Setting id) const { return at(id).origin.kind > Origin::Kind::Derived; }
    [[nodiscard]] const Origin& origin(Setting id) const { return at(id).origin; }

    /// The settings of `<kind>-<name>`, such as "keys-file", in the order they were given.
    [[nodiscard]] std::vector<PluginSetting> plugin(std::string_view plugin) const;
    /// The plugins that have settings of their own.
    [[nodiscard]] std::vector<std::string> pluginsConfigured() const;

    [[nodiscard]] const std::vector<HookSetting>& hooks() const { return hooks_; }
    /// Empty where nobody said.
    [[nodiscard]] std::string hook(std::string_view script, std::string_view key) const;

    /// For the loader and for tests: the value must be of the setting's type; one that is not is a bug and aborts.
    void set(Setting id, std::string value, Origin origin);
    void setPlugin(std::string_view plugin, PluginSetting setting);
    void setHook(HookSetting setting);

private:
    struct Entry {
        std::string value;
        Origin origin;
    };
    struct PluginEntry {
        std::string plugin;
        PluginSetting setting;
    };
    [[nodiscard]] const Entry& at(Setting id) const { return entries_[static_cast<std::size_t>(id)]; }

    std::vector<Entry> entries_;
    friend Settings reloaded(const Settings& before, const Settings& after);
    std::vector<PluginEntry> plugins_;
    std::vector<HookSetting> hooks_;
};

/// A row of `config show`: no secret is in it. References to secrets are shown, they are no secrets; what looks like one in a
/// plugin's settings is hidden, and so is the password of a URL.
struct ShownSetting {
    std::string key;
    std::string value;
    std::string origin;
};
[[nodiscard]] std::vector<ShownSetting> redacted(const Settings& settings);
/// True for a value that is itself a secret by the name of its key, or a URL with a password in it.
[[nodiscard]] bool holdsLiteralSecret(std::string_view key, std::string_view value);
/// `postgresql://u:***@h/db`.
[[nodiscard]] std::string withoutUrlPassword(std::string_view value);

/// The keys whose new value only a restart applies, plugin settings included.
[[nodiscard]] std::vector<std::string> needRestart(const Settings& before, const Settings& after);

/// What is in force after a reload: `after` where a reload applies a setting, `before` everywhere else.
[[nodiscard]] Settings reloaded(const Settings& before, const Settings& after);

/// What clients reach: `issuer` where given, else the URL of the main listener at the port it really has.
[[nodiscard]] std::string issuerAt(const Settings& settings, std::uint16_t port);
/// `token.audience` where given, else that issuer.
[[nodiscard]] std::string audienceAt(const Settings& settings, std::uint16_t port);

}  // namespace agentidp::config
