#pragma once
/// @file kernel/base/text.h
/// Strict conversions between text and values. Every decoder refuses what its encoder would not write, unless it says so.
/// Any thread; no locale is ever consulted.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace agentidp::base {

[[nodiscard]] std::string hex(BytesView bytes);
[[nodiscard]] std::optional<Bytes> unhex(std::string_view text);

/// RFC 4648 section 5 without padding. Decoding refuses padding, foreign characters, and non-zero trailing bits.
[[nodiscard]] std::string base64url(BytesView bytes);
/// Appends to `out`; for writers into reserved strings.
void appendBase64url(std::string& out, BytesView bytes);
[[nodiscard]] std::optional<Bytes> unbase64url(std::string_view text);
/// RFC 4648 section 4 with padding, decoded as strictly.
[[nodiscard]] std::string base64(BytesView bytes);
[[nodiscard]] std::optional<Bytes> unbase64(std::string_view text);

/// application/x-www-form-urlencoded decoding of one name or value: '+' is a space. Nothing on a broken escape.
[[nodiscard]] std::optional<std::string> formDecode(std::string_view text);
/// RFC 3986 percent-decoding: '+' stays.
[[nodiscard]] std::optional<std::string> percentDecode(std::string_view text);
[[nodiscard]] std::string percentEncode(std::string_view text);

/// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing over U+10FFFF.
[[nodiscard]] bool isUtf8(std::string_view text);

/// RFC 3339, UTC, microseconds: `2026-11-22T06:16:17.123456Z`.
[[nodiscard]] std::string rfc3339(Instant at);
/// Accepts any RFC 3339 time with 0 to 9 fraction digits and any offset; years 1970 to 9999.
[[nodiscard]] std::optional<Instant> parseRfc3339(std::string_view text);

/// Whole text, decimal, no sign but a leading '-', no leading zero, no white space.
[[nodiscard]] std::optional<std::int64_t> parseInt(std::string_view text);

[[nodiscard]] std::string_view trim(std::string_view text);  ///< ASCII white space only
[[nodiscard]] std::vector<std::string> split(std::string_view text, char at);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view with);
[[nodiscard]] bool equalIgnoreCase(std::string_view left, std::string_view right);  ///< ASCII letters only
[[nodiscard]] std::string lower(std::string_view text);                             ///< ASCII letters only

/// The nearest of `names` to `text` by edit distance, for "did you mean"; nothing if none is near.
[[nodiscard]] std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& names);

}  // namespace agentidp::base
