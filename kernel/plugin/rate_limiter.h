#pragma once
/// @file kernel/plugin/rate_limiter.h
/// What a rate-limiting plugin promises. Exactly one is loaded. Semantics: aip_ratelimit_ops in agentidp/plugin.h.
#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "plugin/call.h"

namespace agentidp::plugin {

struct Budget {
    bool allowed = false;
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    base::Instant resetAt;
};

/// Called from any thread at once. Where blocks() is true, calls may wait for a network and stay off the event loops.
class RateLimiter {
public:
    virtual ~RateLimiter() = default;
    virtual base::Result<Budget> take(std::string_view key, std::int64_t limit, base::microseconds window, std::int64_t cost,
                                      const Call& call) = 0;
    virtual base::Result<Budget> count(std::string_view key, std::int64_t limit, base::Instant periodEnd, std::int64_t cost,
                                       const Call& call) = 0;
    /// An error where it cannot serve, and where it serves by estimates of this process because what it shares budgets through is away.
    virtual base::Result<void> health(const Call& call) = 0;
    using Hint = std::function<void(std::string_view topic, std::string_view key)>;
    /// Tells other replicas that `key` of `topic` changed; a lost hint is harmless. Errc::Unsupported where nothing is shared.
    virtual base::Result<void> announce(std::string_view /*topic*/, std::string_view /*key*/, base::microseconds /*ttl*/,
                                        const Call& /*call*/) {
        return base::fail(base::Errc::Unsupported, "nothing is shared with other replicas");
    }
    /// Calls `hint` for each announcement of any replica until the limiter ends, on a thread of the plugin's. Once.
    virtual base::Result<void> listen(const Hint& /*hint*/, const Call& /*call*/) {
        return base::fail(base::Errc::Unsupported, "nothing is shared with other replicas");
    }
    [[nodiscard]] virtual bool blocks() const = 0;
    /// The member of /health: "memory", "redis".
    [[nodiscard]] virtual std::string backend() const = 0;
};

}  // namespace agentidp::plugin
