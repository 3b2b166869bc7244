#pragma once
/// @file kernel/plugin/rate_limiter.h
/// What a rate-limiting plugin promises. Exactly one is loaded. Semantics: aip_ratelimit_ops in agentidp/plugin.h.
#include <cstdint>
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
    virtual base::Result<Budget> take(std::string_view key, std::int64_t limit, base::microseconds window, std::int64_t cost, const Call& call) = 0;
    virtual base::Result<Budget> count(std::string_view key, std::int64_t limit, base::Instant periodEnd, std::int64_t cost, const Call& call) = 0;
    virtual base::Result<void> health(const Call& call) = 0;
    [[nodiscard]] virtual bool blocks() const = 0;
    /// The member of /health: "memory", "redis".
    [[nodiscard]] virtual std::string backend() const = 0;
};

}  // namespace agentidp::plugin
