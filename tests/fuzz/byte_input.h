#pragma once
/// @file tests/fuzz/byte_input.h
/// What every target needs: the input as text, and a check that ends the process where a promise is broken.
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace agentidp::fuzz {

inline std::string_view textOf(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

inline void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace agentidp::fuzz
