#pragma once
/// @file kernel/registry/fields.h
/// Reads the members of a request body strictly and collects every fault, not the first: unknown members, wrong types, and
/// texts that would read differently than they are (control, bidirectional and zero-width characters). Pure.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "model/problem.h"

namespace agentidp::registry {

/// What a text member may hold; all are UTF-8 within their length.
enum class TextKind {
    Identifier,  ///< ASCII: a letter or digit, then letters, digits and . _ : / @ + - ; at most 64
    Display,     ///< any script, at most 255 bytes: no control, format, bidirectional, zero-width or noncharacter; no outer white space
    Email,       ///< local@domain, ASCII, at most 254
    Slug,        ///< [a-z0-9-]{1,63}, no outer '-'
    Capability,  ///< ASCII without spaces, quotes and backslashes, at most 128
};

/// Empty where `text` is fine, else what is wrong with it, without quoting it.
[[nodiscard]] std::string_view faultOf(TextKind kind, std::string_view text);
/// Whether the name matches one of the patterns of `claims.allowed` ("x_*", "team").
[[nodiscard]] bool claimAllowed(std::string_view name, const std::vector<std::string>& patterns);

/// Each reader takes a member at most once; what no reader took is unknown. An absent member is nothing, not a fault; null is
/// a fault everywhere.
class Fields {
public:
    /// A fault if `body` is not an object.
    explicit Fields(const base::json::Value& body);

    [[nodiscard]] bool has(std::string_view name) const;
    std::optional<std::string> text(std::string_view name, TextKind kind);
    /// One of `words`.
    std::optional<std::string> word(std::string_view name, const std::vector<std::string_view>& words);
    std::optional<std::vector<std::string>> texts(std::string_view name, TextKind kind, std::size_t most);
    /// Scope tokens, sorted and unique.
    std::optional<std::vector<std::string>> scopes(std::string_view name);
    std::optional<std::map<std::string, std::string>> labels(std::string_view name);
    /// An object of at most 4096 bytes and depth 4 under allowed names, as compact JSON.
    std::optional<std::string> claims(std::string_view name, const std::vector<std::string>& allowed);
    std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
    /// RFC 3339.
    std::optional<base::Instant> time(std::string_view name);
    /// The raw member, marked as taken.
    const base::json::Value* take(std::string_view name);

    void require(std::string_view name);
    void fault(std::string_view pointer, std::string detail);
    /// A fault that names a member: "/name".
    void faultAt(std::string_view name, std::string detail);
    /// Ends the reading: unknown members become faults. Empty: all is well.
    [[nodiscard]] std::vector<model::FieldError> finish();

private:
    const base::json::Value* present(std::string_view name);
    const base::json::Value& body_;
    std::set<std::string, std::less<>> taken_;
    std::vector<std::string> known_;
    std::vector<model::FieldError> errors_;
};

}  // namespace agentidp::registry
