#pragma once
/// @file plugins/remote/base64.h
/// RFC 4648 section 4 with padding, strictly: how services put bytes into JSON. Any thread.
#include <agentidp/plugin.hpp>

#include <optional>
#include <string_view>

namespace agentidp::remote {

[[nodiscard]] aip::Secret base64(std::string_view bytes);

/// Nothing for foreign characters, line ends, absent padding, or trailing bits that are not zero.
[[nodiscard]] std::optional<aip::Secret> unbase64(std::string_view text);

}  // namespace agentidp::remote
