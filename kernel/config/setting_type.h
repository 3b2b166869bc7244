#pragma once
/// @file kernel/config/setting_type.h
/// The types a row of settings.def may have, and what a text must look like to be one.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::config {

struct SettingType {
    enum class Kind {
        Text,  ///< anything printable
        Name,  ///< a plugin's short name: lower-case letters, digits, '-'
        Path,
        Url,       ///< http or https, without query and fragment (RFC 8414 section 2)
        Endpoint,  ///< host:port, [v6]:port
        Secret,    ///< a reference to one (secret_ref.h), never the secret
        Flag,      ///< true or false
        List,      ///< comma separated; white space around items is dropped
        Choice,
        Integer,
    };
    Kind kind = Kind::Text;
    std::string_view choices = {};  ///< comma separated
    std::int64_t min = 0;
    std::int64_t max = 0;
};

/// Why `value` is not of `type`, as "must be ...", without quoting it; nothing where it is. The empty text is right for every type
/// but Flag, Choice and Integer: it means "not set".
[[nodiscard]] std::optional<std::string> problemWith(std::string_view value, const SettingType& type);

/// "integer, 1 to 3600", for messages and documents.
[[nodiscard]] std::string describe(const SettingType& type);

/// The items of a List.
[[nodiscard]] std::vector<std::string> itemsOf(std::string_view value);

struct Endpoint {
    std::string host;  ///< a name or an address, without brackets
    std::uint16_t port = 0;
};
/// `host:port` or `[v6]:port`; nothing for anything else.
[[nodiscard]] std::optional<Endpoint> parseEndpoint(std::string_view text);

}  // namespace agentidp::config
