#pragma once
/// @file kernel/registry/number.h
/// The numbers that ledger rows carry instead of UUIDs.
#include <cstdint>

#include "base/clock.h"

namespace agentidp::registry {

/// Time-ordered, positive: milliseconds, then 20 random bits. Two of one millisecond may collide once in a million; the
/// unique key then answers Exists, and trying again gets another.
[[nodiscard]] std::int64_t allocateNumber(base::Instant at);

}  // namespace agentidp::registry
