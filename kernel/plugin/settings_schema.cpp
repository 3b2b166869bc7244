#include "plugin/settings_schema.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace agentidp::plugin {
namespace {

using base::json::Value;
using Type = SettingsSchema::Type;
using Setting = SettingsSchema::Setting;

constexpr std::array<std::pair<std::string_view, Type>, 5> kTypes = {{{"string", Type::String},
                                                                      {"integer", Type::Integer},
                                                                      {"boolean", Type::Boolean},
                                                                      {"secret_ref", Type::SecretRef},
                                                                      {"list", Type::List}}};

bool isName(std::string_view text) {
    return !text.empty() && text.size() <= 64 && text.front() >= 'a' && text.front() <= 'z' &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; });
}

bool isReference(std::string_view text) {
    static constexpr std::array<std::string_view, 3> kForms = {"file:", "cred:", "env:"};
    return std::any_of(kForms.begin(), kForms.end(),
                       [&](std::string_view form) { return text.size() > form.size() && text.substr(0, form.size()) == form; });
}

bool isText(std::string_view text) { return base::isUtf8(text) && text.find('\0') == std::string_view::npos; }

/// Nothing, or what is wrong with `value` for `setting`, to follow its name.
std::optional<std::string> fault(const Setting& setting, const Value& value) {
    const auto allowed = [&](const std::string& text) {
        return setting.allowed.empty() || std::find(setting.allowed.begin(), setting.allowed.end(), text) != setting.allowed.end();
    };
    const std::string oneOf = "must be one of " + base::join(setting.allowed, ", ");
    switch (setting.type) {
        case Type::String:
            if (value.asText() == nullptr || !isText(*value.asText())) return "must be a text";
            return allowed(*value.asText()) ? std::nullopt : std::optional(oneOf);
        case Type::SecretRef:
            if (value.asText() == nullptr || !isText(*value.asText()) || !isReference(*value.asText()))
                return "must be a reference: file:PATH, cred:NAME or env:NAME";
            return std::nullopt;
        case Type::Boolean: return value.asBool() != nullptr ? std::nullopt : std::optional<std::string>("must be true or false");
        case Type::Integer:
            if (value.asInt() == nullptr) return "must be a whole number";
            if (setting.min && *value.asInt() < *setting.min) return "must be at least " + std::to_string(*setting.min);
            if (setting.max && *value.asInt() > *setting.max) return "must be at most " + std::to_string(*setting.max);
            return std::nullopt;
        case Type::List:
            if (value.asArray() == nullptr) return "must be a list of texts";
            for (const auto& item : *value.asArray()) {
                if (item.asText() == nullptr || item.asText()->empty() || !isText(*item.asText())) return "must be a list of texts";
                if (!allowed(*item.asText())) return "may only hold " + base::join(setting.allowed, ", ");
            }
            return std::nullopt;
    }
    return "has an unknown type";
}

/// The text as a value of the setting's type; as a text where it is none, which `fault` then tells.
Value typed(const Setting& setting, const std::string& text) {
    switch (setting.type) {
        case Type::Integer:
            if (const auto number = base::parseInt(text)) return *number;
            return text;
        case Type::Boolean:
            if (text == "true" || text == "false") return text == "true";
            return text;
        case Type::List: {
            base::json::Array items;
            if (base::trim(text).empty()) return items;
            for (const auto& part : base::split(text, ',')) items.emplace_back(base::trim(part));
            return items;
        }
        case Type::String:
        case Type::SecretRef: break;
    }
    return text;
}

base::Error bad(const std::string& name, std::string_view why) {
    return base::fail(base::Errc::Invalid, "its settings schema is wrong: \"" + name + "\" " + std::string(why));
}

base::Result<Setting> readSetting(const std::string& name, const Value& about) {
    if (!isName(name)) return bad(name, "is no name of a setting");
    if (about.asObject() == nullptr) return bad(name, "is not described by an object");
    Setting setting;
    setting.name = name;
    bool known = false;
    for (const auto& [noun, type] : kTypes) {
        if (about.textOr("type", "") != noun) continue;
        setting.type = type;
        known = true;
    }
    if (!known) return bad(name, "has no known type");
    for (const auto& [member, value] : *about.asObject()) {
        if (member == "type") continue;
        if (member == "doc" && value.asText() != nullptr) {
            setting.doc = *value.asText();
        } else if (member == "required" && value.asBool() != nullptr) {
            setting.required = *value.asBool();
        } else if ((member == "min" || member == "max") && value.asInt() != nullptr && setting.type == Type::Integer) {
            (member == "min" ? setting.min : setting.max) = *value.asInt();
        } else if (member == "enum" && value.asArray() != nullptr && (setting.type == Type::String || setting.type == Type::List)) {
            for (const auto& item : *value.asArray()) {
                if (item.asText() == nullptr) return bad(name, "has an enum that is not of texts");
                setting.allowed.push_back(*item.asText());
            }
        } else if (member == "default") {
            if (!value.isNull()) setting.otherwise = value;
        } else {
            return bad(name, "has a member that does not belong there: " + member);
        }
    }
    if (setting.otherwise)
        if (const auto wrong = fault(setting, *setting.otherwise)) return bad(name, "has a default that " + *wrong);
    return setting;
}

}  // namespace

std::string_view nameOf(SettingsSchema::Type type) {
    for (const auto& [noun, candidate] : kTypes)
        if (candidate == type) return noun;
    return "string";
}

base::Result<SettingsSchema> SettingsSchema::parse(std::string_view json) {
    const auto parsed = base::json::parse(json);
    if (!parsed || parsed->asObject() == nullptr) return base::fail(base::Errc::Invalid, "its settings schema is not a JSON object");
    SettingsSchema schema;
    for (const auto& [name, about] : *parsed->asObject()) {
        auto setting = readSetting(name, about);
        if (!setting) return setting.error();
        schema.settings_.push_back(std::move(*setting));
    }
    return schema;
}

base::Result<std::string> SettingsSchema::configFromTexts(std::string_view plugin, const std::vector<SettingText>& given) const {
    base::json::Object values;
    for (const auto& [name, text] : given) {
        const auto at = std::find_if(settings_.begin(), settings_.end(), [&name = name](const Setting& one) { return one.name == name; });
        values.emplace_back(name, at == settings_.end() ? Value(text) : typed(*at, text));
    }
    return configFromJson(plugin, values);
}

base::Result<std::string> SettingsSchema::configFromJson(std::string_view plugin, const base::json::Object& given) const {
    std::vector<std::string> problems;
    const auto complain = [&](const std::string& name, const std::string& why) {
        problems.push_back("plugins." + std::string(plugin) + "." + name + " " + why);
    };
    std::vector<std::string> names;
    for (const auto& setting : settings_) names.push_back(setting.name);
    for (const auto& [name, value] : given) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        const auto near = base::nearest(name, names);
        complain(name, near ? "is unknown; did you mean " + *near + "?" : "is unknown");
    }
    base::json::Object config;
    for (const auto& setting : settings_) {
        const auto at = std::find_if(given.rbegin(), given.rend(), [&](const auto& member) { return member.first == setting.name; });
        if (at != given.rend()) {
            if (const auto wrong = fault(setting, at->second)) complain(setting.name, *wrong);
            config.emplace_back(setting.name, at->second);
        } else if (setting.otherwise) {
            config.emplace_back(setting.name, *setting.otherwise);
        } else if (setting.required) {
            complain(setting.name, "must be given");
        }
    }
    if (!problems.empty()) return base::fail(base::Errc::Invalid, base::join(problems, "; "));
    return base::json::write(config);
}

}  // namespace agentidp::plugin
