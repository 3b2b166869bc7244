#pragma once
/// @file kernel/base/bytes.h
/// Bytes as values. `Bytes` owns, `BytesView` borrows; text and bytes are converted explicitly, never by cast at call sites.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::base {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

inline BytesView bytesOf(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
inline std::string_view textOf(BytesView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace agentidp::base
