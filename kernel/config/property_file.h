#pragma once
/// @file kernel/config/property_file.h
/// Reads the configuration file. The syntax is that of Poco's PropertyFileConfiguration, and the reader is our own, because Poco's
/// knows no line numbers, keeps the last of two equal keys silently, takes `\x` for `x` and a line without `=` for a key, and
/// expands `${...}` in values: each of those is a problem here, with its line.
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::config {

struct Property {
    std::string key;
    std::string value;
    int line = 0;
};

struct FileProblem {
    int line = 0;  ///< 0: the file as a whole
    std::string text;
};

struct Properties {
    std::vector<Property> entries;  ///< in the order of the file
    std::vector<FileProblem> problems;
};

/// `key = value` or `key: value`; `#` or `!` begins a comment line; `\\`, `\t`, `\n`, `\r`, `\f` are escapes and a `\` at the end
/// of a line joins the next one. LF or CRLF. UTF-8 without a byte order mark.
[[nodiscard]] Properties parseProperties(std::string_view text);

}  // namespace agentidp::config
