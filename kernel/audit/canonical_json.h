#pragma once
/// @file kernel/audit/canonical_json.h
/// One JSON object in the form of RFC 8785, restricted to what every implementation writes alike: strings, booleans, null,
/// integers to 2^53 in amount, arrays and objects. Any thread.
#include <string>
#include <string_view>

namespace agentidp::audit {

/// Appends `json` to `out` in canonical form. Text that is canonical already is copied after one pass over it. Other numbers
/// become strings; text that is not one strict JSON object becomes {"unparsed": text}, with invalid UTF-8 replaced.
void appendCanonicalObject(std::string& out, std::string_view json);

/// `text` with each maximal ill-formed part replaced by U+FFFD (Unicode 15, section 3.9, the way W3C decoders do it).
[[nodiscard]] std::string toValidUtf8(std::string_view text);

/// At most `bytes` of valid UTF-8 `text`, never ending inside a character.
[[nodiscard]] std::string_view cutUtf8(std::string_view text, std::size_t bytes);

}  // namespace agentidp::audit
