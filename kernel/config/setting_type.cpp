#include "config/setting_type.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"
#include "config/secret_ref.h"

namespace agentidp::config {
namespace {

bool isPrintable(std::string_view value) {
    return base::isUtf8(value) && std::none_of(value.begin(), value.end(), [](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return byte < 0x20 || byte == 0x7F;
           });
}

bool isName(std::string_view value) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return value.size() <= 32 && value.front() != '-' && std::all_of(value.begin(), value.end(), fits);
}

bool isHost(std::string_view host) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    };
    return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), fits);
}

bool isV6(std::string_view host) {
    in6_addr raw{};
    return ::inet_pton(AF_INET6, std::string(host).c_str(), &raw) == 1;
}

bool isUrl(std::string_view value) {
    std::string_view rest = value;
    if (rest.starts_with("https://"))
        rest.remove_prefix(8);
    else if (rest.starts_with("http://"))
        rest.remove_prefix(7);
    else
        return false;
    const std::string_view authority = rest.substr(0, rest.find('/'));
    if (rest.find_first_of("?#@\\\" ") != std::string_view::npos || authority.empty()) return false;
    if (authority.front() != '[' && authority.find(':') == std::string_view::npos) return isHost(authority);
    if (authority.front() == '[' && authority.back() == ']') return isV6(authority.substr(1, authority.size() - 2));
    return parseEndpoint(authority).has_value();
}

bool isChoice(std::string_view value, std::string_view choices) {
    const auto items = base::split(choices, ',');
    return std::find(items.begin(), items.end(), value) != items.end();
}

std::string rangeOf(const SettingType& type) { return std::to_string(type.min) + " to " + std::to_string(type.max); }

std::string spelled(std::string_view choices) { return base::join(base::split(choices, ','), ", "); }

}  // namespace

std::optional<std::string> problemWith(std::string_view value, const SettingType& type) {
    using Kind = SettingType::Kind;
    if (!isPrintable(value)) return "must be UTF-8 without control characters";
    const bool mayBeEmpty = type.kind != Kind::Flag && type.kind != Kind::Choice && type.kind != Kind::Integer;
    if (value.empty() && mayBeEmpty) return std::nullopt;
    switch (type.kind) {
        case Kind::Text:
        case Kind::Path: return std::nullopt;
        case Kind::Name:
            if (!isName(value)) return "must be a plugin's short name: lower-case letters, digits and '-'";
            return std::nullopt;
        case Kind::Url:
            if (!isUrl(value)) return "must be an http or https URL without query, fragment and user name";
            return std::nullopt;
        case Kind::Endpoint:
            if (!parseEndpoint(value)) return "must be host:port, an IPv6 address in brackets, such as 127.0.0.1:3000 or [::]:3000";
            return std::nullopt;
        case Kind::Secret:
            if (!isSecretReference(value)) return "must name the secret, not hold it: file:PATH, cred:NAME or env:NAME";
            return std::nullopt;
        case Kind::Flag:
            if (value != "true" && value != "false") return "must be true or false";
            return std::nullopt;
        case Kind::List: {
            const auto items = base::split(value, ',');
            if (std::any_of(items.begin(), items.end(), [](const std::string& item) { return base::trim(item).empty(); }))
                return "must be a list without empty items";
            return std::nullopt;
        }
        case Kind::Choice:
            if (!isChoice(value, type.choices)) return "must be one of " + spelled(type.choices);
            return std::nullopt;
        case Kind::Integer: {
            const auto number = base::parseInt(value);
            if (!number || *number < type.min || *number > type.max) return "must be a whole number, " + rangeOf(type) + ", without a unit";
            return std::nullopt;
        }
    }
    return "has a type nobody knows";
}

std::string describe(const SettingType& type) {
    using Kind = SettingType::Kind;
    switch (type.kind) {
        case Kind::Text: return "text";
        case Kind::Name: return "plugin name";
        case Kind::Path: return "path";
        case Kind::Url: return "URL";
        case Kind::Endpoint: return "host:port";
        case Kind::Secret: return "secret reference";
        case Kind::Flag: return "true or false";
        case Kind::List: return "list";
        case Kind::Choice: return "one of " + spelled(type.choices);
        case Kind::Integer: return "integer, " + rangeOf(type);
    }
    return "text";
}

std::vector<std::string> itemsOf(std::string_view value) {
    std::vector<std::string> items;
    if (base::trim(value).empty()) return items;
    for (const auto& item : base::split(value, ',')) items.emplace_back(base::trim(item));
    return items;
}

std::optional<Endpoint> parseEndpoint(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const auto port = base::parseInt(text.substr(colon + 1));
    if (!port || *port < 0 || *port > 65535) return std::nullopt;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        if (!isV6(host)) return std::nullopt;
    } else if (!isHost(host)) {
        return std::nullopt;
    }
    return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

}  // namespace agentidp::config
