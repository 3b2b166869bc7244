#include "ratelimit_memory.h"

namespace agentidp::ratelimit_memory {
namespace {

constexpr std::int64_t kMaxCost = 1'000;
/// Less than this is the time between two readings, not a clock that was set back.
constexpr std::int64_t kSetBackUs = 1'000'000;

}  // namespace

aip::Status RateLimitMemory::configure(const aip::Config& config) {
    maxKeys_ = static_cast<std::size_t>(config.integer("max_keys", 200'000));
    return {};
}

aip::Status RateLimitMemory::start(const aip::Call&) {
    ratelimit::HashSeed seed;
    if (auto random = host().random(&seed, sizeof seed); !random) return random;
    budgets_ = std::make_unique<ratelimit::Budgets>(maxKeys_, seed);
    return {};
}

aip::Status RateLimitMemory::health(aip::Fields& details, const aip::Call&) {
    const auto size = budgets_->size();
    details.integer("windows", static_cast<std::int64_t>(size.windows))
        .integer("counters", static_cast<std::int64_t>(size.counters))
        .integer("max_keys", static_cast<std::int64_t>(maxKeys_))
        .integer("displaced", static_cast<std::int64_t>(size.displaced));
    return {};
}

ratelimit::ForwardClock::Reading RateLimitMemory::now() {
    const auto wall = host().wallUs();
    return clock_.read(wall, host().monoNs());
}

aip::Outcome<aip::Budget> RateLimitMemory::take(const Take& what, const aip::Call&) {
    if (what.cost < 1 || what.cost > kMaxCost) return aip::invalid("a cost is 1 to 1000");
    if (what.windowUs < 1 || what.limit < 0) return aip::invalid("a window is longer than 0, a limit not below 0");
    const auto at = now();
    const auto answer = budgets_->take(what.key, what.limit, what.windowUs, what.cost, at.us);
    return aip::Budget{answer.allowed, what.limit, answer.remaining, answer.end - (at.behind > kSetBackUs ? at.behind : 0)};
}

aip::Outcome<aip::Budget> RateLimitMemory::count(const Count& what, const aip::Call&) {
    if (what.cost < 0 || what.limit < 0 || what.periodEndUs < 0) return aip::invalid("a cost, a limit and a time are not below 0");
    const auto answer = budgets_->count(what.key, what.limit, what.periodEndUs, what.cost, now().us);
    return aip::Budget{answer.allowed, what.limit, answer.remaining, what.periodEndUs};
}

}  // namespace agentidp::ratelimit_memory

AGENTIDP_PLUGIN(RATELIMIT, agentidp::ratelimit_memory::RateLimitMemory, "memory", "1.0.0", "AgentIdP", AIP_F_CONCURRENT, R"json({
    "max_keys": {"type": "integer", "default": 200000, "min": 1000, "max": 50000000,
                 "doc": "How many budgets, and how many period counters, are held at most; about 100 bytes each. When they are full, those that are over go first, then those that are least spent."}
})json")
