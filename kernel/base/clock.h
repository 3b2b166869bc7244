#pragma once
/// @file kernel/base/clock.h
/// Time as something handed in, so that tests own it. Wall time is for what people and tokens read; durations and
/// deadlines use monotonic time only.
#include <chrono>

namespace agentidp::base {

using Instant = std::chrono::sys_time<std::chrono::microseconds>;                                  ///< wall clock, UTC
using MonoInstant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;  ///< CLOCK_MONOTONIC
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// Any thread may call both.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
    [[nodiscard]] virtual MonoInstant mono() const = 0;
};

class SystemClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now()); }
    [[nodiscard]] MonoInstant mono() const override { return std::chrono::time_point_cast<nanoseconds>(std::chrono::steady_clock::now()); }
};

inline std::int64_t microsOf(Instant at) { return at.time_since_epoch().count(); }
inline Instant fromMicros(std::int64_t micros) { return Instant(microseconds(micros)); }
inline std::int64_t epochSecondsOf(Instant at) { return std::chrono::floor<seconds>(at).time_since_epoch().count(); }

}  // namespace agentidp::base
