#pragma once
/// @file kernel/base/watched_clock.h
/// The machine's clock, and what is told where it cannot be believed. From the last moment at which the wall clock and the storage's
/// agreed, time is also counted by the monotonic clock; where the two come to differ by more than five seconds the wall clock was set,
/// or stands still, and now() goes on by the monotonic one. Smaller corrections are followed, but never backwards.
#include <atomic>

#include "base/clock.h"

namespace agentidp::base {

/// Any thread; never blocks.
class WatchedClock final : public Clock {
public:
    static constexpr seconds kMost{5};

    /// `source` outlives it, and is believed at first.
    explicit WatchedClock(const Clock& source);
    /// Never less than it answered before.
    [[nodiscard]] Instant now() const override;
    [[nodiscard]] MonoInstant mono() const override { return source_.mono(); }

    /// What the storage's clock said a moment ago. Where both agree the wall clock is believed again, unless that would mean to go back by
    /// more than kMost: then it must first come to where it was.
    void compare(Instant storage);
    /// The wall clock is not believed: nothing may be issued that carries its time.
    [[nodiscard]] bool stepped() const { return stepped_.load(std::memory_order_acquire); }

private:
    const Clock& source_;
    std::atomic<std::int64_t> offset_;  ///< wall minus monotonic, in microseconds, when both were believed last
    mutable std::atomic<std::int64_t> latest_;
    mutable std::atomic<bool> stepped_{false};
};

}  // namespace agentidp::base
