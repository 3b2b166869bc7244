#pragma once
/// @file kernel/base/ids.h
/// Random bytes and UUIDs (RFC 9562). Any thread.
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"

namespace agentidp::base {

/// Fills `out` from the kernel's random source. Aborts the process if the kernel has none: nothing here may go on without.
void fillRandom(std::span<std::uint8_t> out);

/// Random (version 4), lower case, 36 characters.
[[nodiscard]] std::string uuidV4();

/// Time-ordered (version 7): 48 bits of milliseconds, then 12 bits of microseconds within it, then random.
[[nodiscard]] std::string uuidV7(Instant at);
/// The same from caller-held randomness, so that one draw can serve a whole request. Uses 8 bytes.
[[nodiscard]] std::string uuidV7(Instant at, std::span<const std::uint8_t, 8> random);

/// The milliseconds in a version 7 UUID; nothing for any other text.
[[nodiscard]] std::optional<Instant> timeOfUuidV7(std::string_view uuid);

/// True for 8-4-4-4-12 lower-case hexadecimal.
[[nodiscard]] bool isUuid(std::string_view text);

}  // namespace agentidp::base
