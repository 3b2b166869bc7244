#pragma once
/// @file plugins/ratelimit/forward_clock.h
/// Wall time that never steps back: it follows the wall clock forward, and passes with monotonic time while the wall clock is behind. So a
/// clock that is set back grants nothing anew, and does not freeze spent budgets until it has caught up either. Any thread.
#include <atomic>
#include <cstdint>
#include <limits>

namespace agentidp::ratelimit {

class ForwardClock {
public:
    struct Reading {
        std::int64_t us = 0;      ///< what windows are counted in
        std::int64_t behind = 0;  ///< how far the wall clock is behind `us`
    };

    /// `wallUs` must have been read before `monoNs`: a thread that is interrupted in between then sees less lead, never more.
    Reading read(std::int64_t wallUs, std::uint64_t monoNs) {
        const auto mono = static_cast<std::int64_t>(monoNs / 1'000U);
        const auto lead = wallUs - mono;
        auto greatest = greatestLead_.load(std::memory_order_relaxed);
        while (lead > greatest && !greatestLead_.compare_exchange_weak(greatest, lead, std::memory_order_relaxed)) {}
        const auto us = mono + (lead > greatest ? lead : greatest);
        return {us, us - wallUs};
    }

private:
    std::atomic<std::int64_t> greatestLead_{std::numeric_limits<std::int64_t>::min()};
};

}  // namespace agentidp::ratelimit
