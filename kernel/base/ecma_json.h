#pragma once
/// @file kernel/base/ecma_json.h
/// JSON as ECMAScript reads and writes it (ECMA-262, JSON.parse and JSON.stringify), for the one interface that repeats a caller's
/// value in the words of a JavaScript program. Everything else reads with json.h: it refuses lone surrogates and numbers beyond a
/// double, which JSON.parse takes.
///
/// Texts are WTF-8: UTF-8 in which a lone surrogate stands as its three bytes. Such a text must not leave through json.h's writers;
/// base::json::wellFormed() makes UTF-8 of it. Any thread.
#include <string>
#include <string_view>

#include "base/json.h"

namespace agentidp::base::json {

/// JSON.parse, except that duplicate member names, a byte order mark, invalid UTF-8 and what `limits` forbids are refused. Every number
/// is a double, one beyond its range an infinity. Errc::Invalid without a quote of the input, Errc::TooLarge.
[[nodiscard]] Result<Value> parseEcma(std::string_view text, Limits limits);

/// JSON.stringify: integer-like member names first, ascending, then the order of the text; infinities are `null`; lone surrogates are
/// escaped. The result is UTF-8.
[[nodiscard]] std::string writeEcma(const Value& value);
/// One string of it, quoted.
[[nodiscard]] std::string quotedEcma(std::string_view wtf8);
/// String.prototype.toWellFormed: each lone surrogate becomes U+FFFD.
[[nodiscard]] std::string wellFormed(std::string_view wtf8);
/// True where String.prototype.trim would leave nothing.
[[nodiscard]] bool isEcmaBlank(std::string_view wtf8);

}  // namespace agentidp::base::json
