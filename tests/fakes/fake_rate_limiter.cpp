#include "fakes/fake_rate_limiter.h"

#include <algorithm>

namespace agentidp::tests {

using base::Errc;
using base::fail;
using base::Result;
using plugin::Budget;

void FakeRateLimiter::breakWith(std::optional<base::Error> error) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(error);
}
void FakeRateLimiter::forget() {
    const std::lock_guard lock(mutex_);
    windows_.clear();
    counters_.clear();
}
std::size_t FakeRateLimiter::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

Result<Budget> FakeRateLimiter::take(std::string_view key, std::int64_t limit, base::microseconds windowLength, std::int64_t cost,
                                     const plugin::Call&) {
    const std::lock_guard lock(mutex_);
    ++calls_;
    if (fault_) return *fault_;
    const auto window = windowLength.count();
    if (cost < 1 || cost > 1'000 || window < 1 || limit < 0) return fail(Errc::Invalid, "a budget that means nothing");
    const auto now = latest_ = std::max(latest_, base::microsOf(clock_.now()));
    auto& held = windows_[{std::string(key), window}];
    if (const auto index = now / window; index != held.index) {
        held.previous = index == held.index + 1 ? held.current : 0;
        held.current = 0;
        held.index = index;
    }
    const auto left = window - now % window;
    const auto weighted = (held.previous * left + window - 1) / window;
    const bool allowed = held.current + weighted + cost <= limit;
    if (allowed) held.current += cost;
    return Budget{allowed, limit, std::max<std::int64_t>(0, limit - held.current - weighted), base::fromMicros((held.index + 1) * window)};
}

Result<Budget> FakeRateLimiter::count(std::string_view key, std::int64_t limit, base::Instant periodEnd, std::int64_t cost,
                                      const plugin::Call&) {
    const std::lock_guard lock(mutex_);
    ++calls_;
    if (fault_) return *fault_;
    if (cost < 0 || limit < 0) return fail(Errc::Invalid, "a count that means nothing");
    auto& sum = counters_[std::string(key)];
    sum += cost;
    return Budget{sum <= limit, limit, std::max<std::int64_t>(0, limit - sum), periodEnd};
}

Result<void> FakeRateLimiter::health(const plugin::Call&) {
    const std::lock_guard lock(mutex_);
    if (fault_) return *fault_;
    return {};
}

}  // namespace agentidp::tests
