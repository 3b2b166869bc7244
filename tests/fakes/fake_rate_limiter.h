#pragma once
/// @file tests/fakes/fake_rate_limiter.h
/// plugin::RateLimiter in memory, written as plainly as its rule; passes ratelimitContract. Any thread.
#include <map>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "plugin/rate_limiter.h"

namespace agentidp::tests {

class FakeRateLimiter final : public plugin::RateLimiter {
public:
    explicit FakeRateLimiter(const base::Clock& clock) : clock_(clock) {}

    /// From now on every call answers this; nothing: it works again.
    void breakWith(std::optional<base::Error> error);
    [[nodiscard]] std::size_t calls() const;
    /// It stands for a server that several processes ask: blocks() is true.
    void share() { shared_ = true; }
    /// As a server that was restarted empty.
    void forget();

    base::Result<plugin::Budget> take(std::string_view key, std::int64_t limit, base::microseconds window, std::int64_t cost,
                                      const plugin::Call& call) override;
    base::Result<plugin::Budget> count(std::string_view key, std::int64_t limit, base::Instant periodEnd, std::int64_t cost,
                                       const plugin::Call& call) override;
    base::Result<void> health(const plugin::Call& call) override;
    [[nodiscard]] bool blocks() const override { return shared_; }
    [[nodiscard]] std::string backend() const override { return "fake"; }

private:
    struct Windows {
        std::int64_t index = 0, current = 0, previous = 0;
    };

    const base::Clock& clock_;
    mutable std::mutex mutex_;
    std::optional<base::Error> fault_;
    std::size_t calls_ = 0;
    bool shared_ = false;
    std::int64_t latest_ = 0;  ///< the latest wall time seen: a clock that steps back stands still
    std::map<std::pair<std::string, std::int64_t>, Windows> windows_;
    std::map<std::string, std::int64_t, std::less<>> counters_;
};

}  // namespace agentidp::tests
