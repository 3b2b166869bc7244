#include "config/loader.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "config/checks.h"
#include "config/dotenv.h"
#include "config/plugin_names.h"
#include "config/property_file.h"
#include "config/reference_variables.h"

namespace agentidp::config {
namespace {

namespace fs = std::filesystem;
using Kind = Origin::Kind;

constexpr std::size_t kMaxFileBytes = 1U << 20U;

const SettingInfo* settingNamed(std::string_view key) {
    const auto& all = allSettings();
    const auto found = std::find_if(all.begin(), all.end(), [&](const SettingInfo& info) { return info.key == key; });
    return found == all.end() ? nullptr : &*found;
}

const SettingInfo* settingOfVariable(std::string_view variable) {
    const auto& all = allSettings();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const SettingInfo& info) { return environmentNameOf(info.key) == variable; });
    return found == all.end() ? nullptr : &*found;
}

std::string didYouMean(const std::optional<std::string>& near) { return near ? "; did you mean " + *near + "?" : ""; }

std::string unknownKey(std::string_view key) {
    if (key.starts_with("plugins."))
        return std::string(key) +
               " is no setting; a plugin's settings are plugins.<kind>-<name>.<key>, kind being storage, keys, ratelimit, job or secrets";
    std::vector<std::string> names;
    for (const auto& info : allSettings()) names.emplace_back(info.key);
    return std::string(key) + " is no setting" + didYouMean(base::nearest(key, names));
}

/// AGENTIDP_ variables that are not meant for the settings: Kubernetes injects the first two, tests use the others.
bool isForeign(std::string_view variable) {
    return variable.starts_with("AGENTIDP_PORT") || variable.starts_with("AGENTIDP_SERVICE_") || variable.starts_with("AGENTIDP_TEST_") ||
           variable == "AGENTIDP_VECTORS" || variable == "AGENTIDP_FAIL";
}

class Loader {
public:
    explicit Loader(const Sources& sources) : sources_(sources) { out_.environment = sources.environment; }

    Loaded run() {
        readEnvFile();
        readFile();
        const ReferenceReading references = readReferenceVariables(out_.environment);
        applyReferences(references);
        applyFile();
        applyEnvironment();
        applyDefinitions();
        // Which plugins there are is known only now, and an AGENTIDP_PLUGINS_ variable cannot be taken apart without.
        applyPluginSettings(references);
        settleReferences(references);
        deriveMint(references.mintVariable);
        derive();
        noticePlugins();
        for (auto& finding : crossCheck(out_.settings)) problem(std::move(finding));
        return std::move(out_);
    }

private:
    void problem(std::string text) { out_.problems.push_back({std::move(text)}); }
    void notice(Notice::Kind kind, std::string variable, std::string text) {
        out_.notices.push_back({kind, std::move(variable), std::move(text)});
    }

    std::optional<std::string> contentOf(const std::string& path) {
        std::error_code error;
        if (!fs::is_regular_file(path, error)) {
            problem(path + ": " + (error ? error.message() : "is no regular file"));
            return std::nullopt;
        }
        std::ifstream in(path, std::ios::binary);
        std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
        if (!in || in.bad()) {
            problem(path + ": cannot be read");
            return std::nullopt;
        }
        if (text.size() > kMaxFileBytes) {
            problem(path + ": is over 1 MB");
            return std::nullopt;
        }
        return text;
    }

    void report(const std::string& path, const std::vector<FileProblem>& problems) {
        for (const auto& found : problems) problem(path + (found.line > 0 ? ":" + std::to_string(found.line) : "") + ": " + found.text);
    }

    void readEnvFile() {
        if (!sources_.envFile) return;
        const auto text = contentOf(*sources_.envFile);
        if (!text) return;
        auto read = parseDotenv(*text);
        report(*sources_.envFile, read.problems);
        out_.environment.merge(read.variables);  // keeps what the process already says
    }

    void readFile() {
        if (sources_.file) {
            out_.file = *sources_.file;
        } else {
            std::error_code ignored;
            const auto found =
                std::find_if(sources_.search.begin(), sources_.search.end(), [&](const auto& path) { return fs::exists(path, ignored); });
            if (found == sources_.search.end()) return;
            out_.file = *found;
        }
        const auto text = contentOf(out_.file);
        if (!text) return;
        auto read = parseProperties(*text);
        report(out_.file, read.problems);
        entries_ = std::move(read.entries);
    }

    /// False, with a problem, if the value is not of the setting's type.
    bool apply(const SettingInfo& info, const std::string& value, Origin origin) {
        if (const auto wrong = problemWith(value, info.type)) {
            std::string where = origin.kind == Kind::CommandLine ? "command line" : origin.where;
            problem(where + ": " + std::string(info.key) + " " + *wrong);
            return false;
        }
        out_.settings.set(info.id, value, std::move(origin));
        return true;
    }

    void applyReferences(const ReferenceReading& references) {
        for (const auto& wish : references.wishes) {
            if (problemWith(wish.value, infoOf(wish.setting).type)) {
                refused_.push_back(wish);
            } else {
                out_.settings.set(wish.setting, wish.value, {Kind::Reference, wish.variable});
            }
        }
        for (const auto& remark : references.remarks)
            notice(Notice::Kind::ReferenceNotOffered, remark.variable, remark.variable + " is set: " + remark.text);
        for (const auto& text : references.problems) problem(text);
    }

    void applyFile() {
        for (const auto& entry : entries_) {
            const Origin origin{Kind::File, out_.file + ":" + std::to_string(entry.line)};
            if (const auto* info = settingNamed(entry.key))
                apply(*info, entry.value, origin);
            else if (auto key = pluginKeyOf(entry.key))
                filePlugins_.push_back({std::move(*key), entry.value, origin});
            else if (auto hook = hookKeyOf(entry.key))
                applyHook(std::move(*hook), entry.value, origin);
            else
                problem(origin.where + ": " + unknownKey(entry.key));
        }
    }

    void applyEnvironment() {
        for (const auto& [variable, value] : out_.environment) {
            if (!variable.starts_with("AGENTIDP_") || isForeign(variable)) continue;
            if (const auto* info = settingOfVariable(variable))
                apply(*info, value, {Kind::Environment, variable});
            else if (auto hook = hookOfVariable(variable))
                applyHook(std::move(*hook), value, {Kind::Environment, variable});
            else
                leftVariables_.push_back(variable);
        }
    }

    void applyDefinitions() {
        for (const auto& definition : sources_.definitions) {
            const auto equals = definition.find('=');
            const std::string key = definition.substr(0, equals);
            if (equals == std::string::npos) {
                problem("command line: -D wants KEY=VALUE");
                continue;
            }
            const std::string value = definition.substr(equals + 1);
            if (const auto* info = settingNamed(key)) {
                apply(*info, value, {Kind::CommandLine, {}});
            } else if (auto plugin = pluginKeyOf(key)) {
                if (holdsLiteralSecret(plugin->key, value))
                    problem("command line: " + key +
                            " would show its secret to everybody who lists processes; name it as file:PATH, cred:NAME or env:NAME");
                else
                    linePlugins_.push_back({std::move(*plugin), value, {Kind::CommandLine, {}}});
            } else if (auto hook = hookKeyOf(key)) {
                applyHook(std::move(*hook), value, {Kind::CommandLine, {}});
            } else {
                problem("command line: " + unknownKey(key));
            }
        }
    }

    /// A script's name has no underscore, so that its variable can be read in one way only.
    static std::optional<HookKey> hookOfVariable(std::string_view variable) {
        std::string key = base::lower(variable.substr(std::string_view("AGENTIDP_").size()));
        const auto first = key.find('_');
        const auto last = key.rfind('_');
        if (first == std::string::npos || last == first) return std::nullopt;
        std::replace(key.begin(), key.end(), '_', '-');
        key[first] = key[last] = '.';
        return hookKeyOf(key);
    }

    void applyHook(HookKey key, const std::string& value, Origin origin) {
        if (const auto wrong = problemWithHook(key.key, value))
            problem((origin.kind == Kind::CommandLine ? "command line" : origin.where) + ": hooks." + key.script + "." + key.key + " " +
                    *wrong);
        else
            out_.settings.setHook({std::move(key.script), std::move(key.key), value, std::move(origin)});
    }

    struct PluginGiven {
        PluginKey key;
        std::string value;
        Origin origin;
    };

    void applyPlugin(const PluginGiven& given) {
        if (!base::isUtf8(given.value) || given.value.find('\0') != std::string::npos)
            problem(given.origin.where + ": plugins." + given.key.plugin + "." + given.key.key + " must be UTF-8");
        else
            out_.settings.setPlugin(given.key.plugin, {given.key.key, given.value, given.origin});
    }

    void applyPluginSettings(const ReferenceReading& references) {
        const auto named = pluginsNamed(out_.settings);
        for (const auto& wish : references.pluginWishes)
            if (std::find(named.begin(), named.end(), wish.plugin) != named.end())
                out_.settings.setPlugin(wish.plugin, {wish.key, wish.value, {Kind::Reference, wish.variable}});
        for (const auto& given : filePlugins_) applyPlugin(given);
        for (const auto& variable : leftVariables_) applyPluginVariable(variable, named);
        for (const auto& given : linePlugins_) applyPlugin(given);
    }

    void applyPluginVariable(const std::string& variable, const std::vector<std::string>& named) {
        // The longest name wins: AGENTIDP_PLUGINS_KEYS_A_B_C may be `keys-a` with `b_c` or `keys-a-b` with `c`.
        std::string plugin;
        for (const auto& name : named) {
            const std::string prefix = environmentNameOf("plugins." + name + ".");
            if (variable.starts_with(prefix) && variable.size() > prefix.size() && name.size() > plugin.size()) plugin = name;
        }
        if (plugin.empty()) {
            noticeUnknown(variable);
            return;
        }
        std::string key = base::lower(variable.substr(environmentNameOf("plugins." + plugin + ".").size()));
        for (const auto& known : out_.settings.plugin(plugin))
            if (environmentNameOf("plugins." + plugin + "." + known.key) == variable) key = known.key;
        applyPlugin({{plugin, key}, out_.environment.at(variable), {Kind::Environment, variable}});
    }

    void noticeUnknown(const std::string& variable) {
        std::vector<std::string> names;
        for (const auto& info : allSettings()) names.push_back(environmentNameOf(info.key));
        notice(Notice::Kind::UnknownVariable, variable, variable + " is no setting" + didYouMean(base::nearest(variable, names)));
    }

    void settleReferences(const ReferenceReading& references) {
        for (const auto& wish : refused_) {
            const auto& info = infoOf(wish.setting);
            if (out_.settings.origin(wish.setting).kind > Kind::Reference) continue;
            problem(wish.variable + ": " + std::string(info.key) + " " + problemWith(wish.value, info.type).value());
        }
        for (const auto& wish : references.wishes) {
            const auto& origin = out_.settings.origin(wish.setting);
            if (!wish.implied && origin.kind > Kind::Reference && out_.settings.text(wish.setting) != wish.value)
                overruled(wish.variable, std::string(infoOf(wish.setting).key), origin);
        }
        for (const auto& wish : references.pluginWishes)
            for (const auto& setting : out_.settings.plugin(wish.plugin))
                if (setting.key == wish.key && setting.origin.kind > Kind::Reference && setting.value != wish.value)
                    overruled(wish.variable, "plugins." + wish.plugin + "." + wish.key, setting.origin);
    }

    void overruled(const std::string& variable, const std::string& key, const Origin& origin) {
        notice(Notice::Kind::ReferenceOverruled, variable, variable + " is overruled by " + key + " (" + describe(origin) + ")");
    }

    /// `auto` becomes an answer here, so that everybody else asks one setting only.
    void deriveMint(const std::string& variable) {
        auto& settings = out_.settings;
        if (settings.text(Setting::MacpMintEnabled) == "auto") {
            auto origin = settings.origin(Setting::MacpMintEnabled);
            if (origin.kind == Kind::BuiltIn) origin.kind = Kind::Derived;
            origin.where += (origin.where.empty() ? "" : ", ") + (variable.empty() ? "no MACP_AUTH_ variable" : variable);
            settings.set(Setting::MacpMintEnabled, variable.empty() ? "false" : "true", std::move(origin));
        }
        if (settings.text(Setting::MacpMintEnabled) != "true") return;
        const auto fill = [&](Setting id, const std::string& value, const std::string& from) {
            if (settings.origin(id).kind == Kind::BuiltIn) settings.set(id, value, {Kind::Derived, from});
        };
        if (!variable.empty()) {
            fill(Setting::ServerListen, "127.0.0.1:3200", variable);
            fill(Setting::StopGraceSeconds, "10", variable);
        }
        if (settings.text(Setting::MacpMintAuth) != "none")
            fill(Setting::MacpMintPerMinute, settings.text(Setting::RatelimitClientPerMinute), "ratelimit.client.per_minute");
    }

    void derive() {
        auto& settings = out_.settings;
        const auto fill = [&](Setting id, std::string value, const char* from) {
            if (settings.text(id).empty() && !problemWith(value, infoOf(id).type))
                settings.set(id, std::move(value), {Kind::Derived, from});
        };
        fill(Setting::RuntimeDir, settings.text(Setting::DataDir) + "/run", "data.dir");
        if (!sources_.programFolder.empty())
            fill(Setting::PluginsPath, (fs::path(sources_.programFolder) / "../lib/agentidp/plugins").lexically_normal().string(),
                 "the program's folder");
        if (!out_.file.empty()) fill(Setting::HooksDir, (fs::absolute(out_.file).parent_path() / "hooks.d").string(), "the settings file");
        fill(Setting::HooksDecisionLog, settings.text(Setting::DataDir) + "/decisions.jsonl", "data.dir");
        const auto listen = parseEndpoint(settings.text(Setting::ServerListen));
        // With port 0 the port is known once the listener is bound: issuerAt().
        if (listen && listen->port != 0) fill(Setting::Issuer, issuerAt(settings, listen->port), "server.listen");
        if (!settings.text(Setting::Issuer).empty()) fill(Setting::TokenAudience, settings.text(Setting::Issuer), "issuer");
    }

    void noticePlugins() {
        const auto named = pluginsNamed(out_.settings);
        for (const auto& plugin : out_.settings.pluginsConfigured())
            if (std::find(named.begin(), named.end(), plugin) == named.end())
                notice(Notice::Kind::PluginNotNamed, plugin,
                       "plugins." + plugin + ".* has no effect: no setting loads that plugin" + didYouMean(base::nearest(plugin, named)));
    }

    const Sources& sources_;
    Loaded out_;
    std::vector<Property> entries_;
    std::vector<PluginGiven> filePlugins_;
    std::vector<PluginGiven> linePlugins_;
    std::vector<std::string> leftVariables_;
    std::vector<ReferenceWish> refused_;
};

}  // namespace

Loaded load(const Sources& sources) { return Loader(sources).run(); }

}  // namespace agentidp::config
