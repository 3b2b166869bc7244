#include "config/settings.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#include "base/text.h"
#include "config/secret_ref.h"

namespace agentidp::config {
namespace {

using Kind = SettingType::Kind;

// The words settings.def may use in its third column.
constexpr SettingType text() { return {Kind::Text}; }
constexpr SettingType name() { return {Kind::Name}; }
constexpr SettingType path() { return {Kind::Path}; }
constexpr SettingType url() { return {Kind::Url}; }
constexpr SettingType endpoint() { return {Kind::Endpoint}; }
constexpr SettingType secret() { return {Kind::Secret}; }
constexpr SettingType flag() { return {Kind::Flag}; }
constexpr SettingType list() { return {Kind::List}; }
constexpr SettingType choice(std::string_view choices) { return {Kind::Choice, choices}; }
constexpr SettingType integer(std::int64_t min, std::int64_t max) { return {Kind::Integer, {}, min, max}; }

[[noreturn]] void misuse(std::string_view key, std::string_view what) {
    std::fprintf(stderr, "agentidp: bug: setting %.*s: %.*s\n", static_cast<int>(key.size()), key.data(), static_cast<int>(what.size()),
                 what.data());
    std::abort();
}

bool oneOf(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// Whether a plugin setting's name says that it holds a secret: `pin`, `api_key`, `clientSecret`, but not `token_file`.
bool soundsSecret(std::string_view key) {
    std::string folded = base::lower(key);
    std::replace_if(
        folded.begin(), folded.end(), [](char c) { return c == '.' || c == '-'; }, '_');
    const auto words = base::split(folded, '_');
    if (oneOf(words.back(), {"file", "path", "label", "id", "name", "seconds", "sha256"})) return false;
    if (std::any_of(words.begin(), words.end(), [](const std::string& word) {
            return oneOf(word, {"token", "pin", "key", "apikey", "pwd", "credential", "credentials", "pem"});
        }))
        return true;
    const std::initializer_list<std::string_view> parts = {"secret", "password", "passwd", "passphrase"};
    return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return folded.find(part) != std::string::npos; });
}

/// `password=...` in the query of a URL or in a list of key=value.
std::string withoutPasswordParameter(std::string text) {
    constexpr std::string_view kMark = "password=";
    for (auto at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + kMark.size())) {
        const auto from = at + kMark.size();
        const auto end = text.find_first_of("& ;", from);
        text.replace(from, (end == std::string::npos ? text.size() : end) - from, "***");
    }
    return text;
}

}  // namespace

const std::vector<SettingInfo>& allSettings() {
    static const std::vector<SettingInfo> kAll{
#define AGENTIDP_SETTING(id, key, type, fallback, change, doc) SettingInfo{Setting::id, key, type, fallback, Change::change, doc},
#include "config/settings.def"
#undef AGENTIDP_SETTING
    };
    return kAll;
}

const SettingInfo& infoOf(Setting id) { return allSettings()[static_cast<std::size_t>(id)]; }

std::string environmentNameOf(std::string_view key) {
    std::string name = "AGENTIDP_";
    for (const char c : key) {
        if (c == '.' || c == '-')
            name.push_back('_');
        else
            name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
    }
    return name;
}

std::string describe(const Origin& origin) {
    switch (origin.kind) {
        case Origin::Kind::BuiltIn: return "built-in";
        case Origin::Kind::Derived: return "from " + origin.where;
        case Origin::Kind::CommandLine: return "command line";
        case Origin::Kind::Reference:
        case Origin::Kind::File:
        case Origin::Kind::Environment: return origin.where;
    }
    return origin.where;
}

Settings::Settings() {
    entries_.reserve(allSettings().size());
    for (const auto& info : allSettings()) entries_.push_back({std::string(info.fallback), {}});
}

std::int64_t Settings::integer(Setting id) const {
    if (infoOf(id).type.kind != Kind::Integer) misuse(infoOf(id).key, "is read as an integer");
    return base::parseInt(text(id)).value();
}

bool Settings::flag(Setting id) const {
    if (infoOf(id).type.kind != Kind::Flag) misuse(infoOf(id).key, "is read as a flag");
    return text(id) == "true";
}

std::vector<std::string> Settings::list(Setting id) const {
    if (infoOf(id).type.kind != Kind::List) misuse(infoOf(id).key, "is read as a list");
    return itemsOf(text(id));
}

void Settings::set(Setting id, std::string value, Origin origin) {
    if (const auto problem = problemWith(value, infoOf(id).type)) misuse(infoOf(id).key, *problem);
    entries_[static_cast<std::size_t>(id)] = {std::move(value), std::move(origin)};
}

std::vector<PluginSetting> Settings::plugin(std::string_view plugin) const {
    std::vector<PluginSetting> found;
    for (const auto& entry : plugins_)
        if (entry.plugin == plugin) found.push_back(entry.setting);
    return found;
}

std::vector<std::string> Settings::pluginsConfigured() const {
    std::vector<std::string> names;
    for (const auto& entry : plugins_)
        if (std::find(names.begin(), names.end(), entry.plugin) == names.end()) names.push_back(entry.plugin);
    return names;
}

void Settings::setPlugin(std::string_view plugin, PluginSetting setting) {
    for (auto& entry : plugins_)
        if (entry.plugin == plugin && entry.setting.key == setting.key) {
            entry.setting = std::move(setting);
            return;
        }
    plugins_.push_back({std::string(plugin), std::move(setting)});
}

std::optional<HookKey> hookKeyOf(std::string_view key) {
    constexpr std::string_view kPrefix = "hooks.";
    constexpr std::size_t kMaxName = 64;
    if (!key.starts_with(kPrefix)) return std::nullopt;
    key.remove_prefix(kPrefix.size());
    const auto dot = key.find('.');
    if (dot == std::string_view::npos || !oneOf(key.substr(dot + 1), {"mode", "state"})) return std::nullopt;
    const auto script = key.substr(0, dot);
    if (script.empty() || script.size() > kMaxName ||
        script.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string_view::npos)
        return std::nullopt;
    return HookKey{std::string(script), std::string(key.substr(dot + 1))};
}

std::optional<std::string> problemWithHook(std::string_view key, std::string_view value) {
    if (key == "mode") return problemWith(value, choice("enforce,shadow,off"));
    return problemWith(value, choice("fresh,pooled"));
}

std::string Settings::hook(std::string_view script, std::string_view key) const {
    const auto found = std::find_if(hooks_.begin(), hooks_.end(),
                                    [&](const HookSetting& setting) { return setting.script == script && setting.key == key; });
    return found == hooks_.end() ? std::string() : found->value;
}

void Settings::setHook(HookSetting setting) {
    if (const auto problem = problemWithHook(setting.key, setting.value)) misuse("hooks." + setting.script + "." + setting.key, *problem);
    const auto found = std::find_if(hooks_.begin(), hooks_.end(),
                                    [&](const HookSetting& held) { return held.script == setting.script && held.key == setting.key; });
    if (found == hooks_.end())
        hooks_.push_back(std::move(setting));
    else
        *found = std::move(setting);
}

std::string withoutUrlPassword(std::string_view value) {
    std::string text(value);
    const auto scheme = text.find("://");
    if (scheme != std::string::npos) {
        const auto from = scheme + 3;
        const std::string authority = text.substr(from, text.find_first_of("/?#", from) - from);
        const auto at = authority.rfind('@');
        const auto colon = authority.find(':');
        if (at != std::string::npos && colon < at) text.replace(from + colon + 1, at - colon - 1, "***");
    }
    return withoutPasswordParameter(std::move(text));
}

bool holdsLiteralSecret(std::string_view key, std::string_view value) {
    if (value.empty() || isSecretReference(value)) return false;
    return soundsSecret(key) || withoutUrlPassword(value) != value;
}

std::vector<ShownSetting> redacted(const Settings& settings) {
    std::vector<ShownSetting> shown;
    for (const auto& info : allSettings())
        shown.push_back({std::string(info.key), withoutUrlPassword(settings.text(info.id)), describe(settings.origin(info.id))});
    for (const auto& plugin : settings.pluginsConfigured()) {
        for (const auto& setting : settings.plugin(plugin)) {
            const bool hidden = soundsSecret(setting.key) && !setting.value.empty() && !isSecretReference(setting.value);
            shown.push_back(
                {"plugins." + plugin + "." + setting.key, hidden ? "***" : withoutUrlPassword(setting.value), describe(setting.origin)});
        }
    }
    for (const auto& setting : settings.hooks())
        shown.push_back({"hooks." + setting.script + "." + setting.key, setting.value, describe(setting.origin)});
    return shown;
}

std::vector<std::string> needRestart(const Settings& before, const Settings& after) {
    std::vector<std::string> keys;
    for (const auto& info : allSettings())
        if (info.change == Change::Start && before.text(info.id) != after.text(info.id)) keys.emplace_back(info.key);
    auto plugins = before.pluginsConfigured();
    for (const auto& plugin : after.pluginsConfigured())
        if (std::find(plugins.begin(), plugins.end(), plugin) == plugins.end()) plugins.push_back(plugin);
    for (const auto& plugin : plugins) {
        const auto same = [](const PluginSetting& a, const PluginSetting& b) { return a.key == b.key && a.value == b.value; };
        const auto old = before.plugin(plugin);
        const auto now = after.plugin(plugin);
        if (!std::equal(old.begin(), old.end(), now.begin(), now.end(), same)) keys.push_back("plugins." + plugin + ".*");
    }
    return keys;
}

Settings reloaded(const Settings& before, const Settings& after) {
    Settings merged = before;
    for (const auto& info : allSettings())
        if (info.change == Change::Reload) merged.set(info.id, after.text(info.id), after.origin(info.id));
    merged.hooks_ = after.hooks_;
    return merged;
}

std::string issuerAt(const Settings& settings, std::uint16_t port) {
    if (settings.given(Setting::Issuer) && !settings.text(Setting::Issuer).empty()) return settings.text(Setting::Issuer);
    const auto listen = parseEndpoint(settings.text(Setting::ServerListen)).value();
    std::string host = listen.host;
    if (host == "::" || host == "0.0.0.0")
        host = "localhost";
    else if (host.find(':') != std::string::npos)
        host = "[" + host + "]";
    const std::string scheme = settings.text(Setting::ServerTlsCert).empty() ? "http" : "https";
    return scheme + "://" + host + ":" + std::to_string(port);
}

std::string audienceAt(const Settings& settings, std::uint16_t port) {
    const bool given = settings.given(Setting::TokenAudience) && !settings.text(Setting::TokenAudience).empty();
    return given ? settings.text(Setting::TokenAudience) : issuerAt(settings, port);
}

}  // namespace agentidp::config
