#pragma once
/// @file kernel/plugin/contract/ratelimit_contract.h
/// What every rate limiting plugin keeps: the promises of aip_ratelimit_ops as runnable cases. Each case uses keys of its own, so that they
/// may run in any order against one instance, and against a backend that remembers earlier runs.
///
/// The rule, without rounding: with `left` of the current window of `window` still to come, a cost fits if
///     current + cost + previous * left / window <= limit
/// and `remaining` is limit - current - previous * left / window, rounded down, never below 0.
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "plugin/contract/case.h"
#include "plugin/rate_limiter.h"

namespace agentidp::plugin::contract {

/// A running instance whose clock the suite moves.
struct RateLimiterSubject {
    RateLimiter* limiter = nullptr;
    const base::Clock* clock = nullptr;  ///< the clock the instance sees
    /// Time passes: both clocks move. `by` is positive.
    std::function<void(base::microseconds by)> advance;
    /// Somebody sets the wall clock; monotonic time stays. `by` may be negative.
    std::function<void(base::microseconds by)> stepWall;
    /// Put before every key; chosen afresh for each run.
    std::string keyPrefix;
    /// How many calls the larger cases may make; a networked backend says fewer.
    std::size_t maxCalls = 300'000;
};

[[nodiscard]] std::vector<Case<RateLimiterSubject>> ratelimitContract();

}  // namespace agentidp::plugin::contract
