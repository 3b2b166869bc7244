#include "budgets.h"

#include <algorithm>

namespace agentidp::ratelimit_memory {
namespace {

/// Sums of two never overflow.
constexpr std::int64_t kMost = std::int64_t{1} << 60U;

__extension__ using Wide = unsigned __int128;

double share(std::int64_t used, std::int64_t limit) { return limit <= 0 ? 1.0 : static_cast<double>(used) / static_cast<double>(limit); }

}  // namespace

void WindowEntry::roll(std::int64_t now) {
    const auto newest = now / window;
    // Threads may come here with readings of the clock in the wrong order: the newest window seen stays.
    if (newest <= index) return;
    previous = newest == index + 1 ? current : 0;
    current = 0;
    index = newest;
}

std::int64_t WindowEntry::weighted(std::int64_t now) const {
    if (previous == 0) return 0;
    const auto elapsed = std::clamp<std::int64_t>(now - index * window, 0, window);
    std::uint64_t product = 0;
    const auto left = static_cast<std::uint64_t>(window - elapsed), length = static_cast<std::uint64_t>(window);
    if (!__builtin_mul_overflow(static_cast<std::uint64_t>(previous), left, &product) && product <= UINT64_MAX - length)
        return static_cast<std::int64_t>((product + length - 1) / length);
    return static_cast<std::int64_t>((Wide(static_cast<std::uint64_t>(previous)) * left + length - 1) / length);
}

bool WindowEntry::isOver(std::int64_t now) const {
    const auto newest = now / window;
    return newest > index + 1 || (newest == index + 1 && current == 0);
}

double WindowEntry::spent(std::int64_t now) const {
    WindowEntry at = *this;
    at.roll(now);
    return share(at.current + at.weighted(now), limit);
}

double CounterEntry::spent(std::int64_t) const { return share(sum, limit); }

Budgets::Budgets(std::size_t maxKeys, HashSeed seed) : seed_(seed) {
    for (auto& shard : shards_) shard = std::make_unique<Shard>(maxKeys / kShards);
}

/// One key may be asked for with two lengths of window: they are two budgets.
Hash128 Budgets::idOf(std::string_view key, std::uint64_t salt) const {
    auto id = sipHash(HashSeed{seed_.low ^ salt, seed_.high}, key);
    if (id == Hash128{}) id.high = 1;
    return id;
}

Answer Budgets::take(std::string_view key, std::int64_t limit, std::int64_t window, std::int64_t cost, std::int64_t now) {
    const auto id = idOf(key, static_cast<std::uint64_t>(window));
    auto& shard = *shards_[id.high % kShards];
    const auto bounded = std::min(limit, kMost);
    const std::lock_guard lock(shard.mutex);
    auto& entry = shard.windows.at(id, now);
    if (entry.window == 0) {
        entry.window = window;
        entry.index = now / window;
    }
    entry.limit = bounded;
    entry.roll(now);
    auto spare = bounded - entry.current - entry.weighted(now);
    const bool allowed = cost <= spare;
    if (allowed) {
        entry.current += cost;
        spare -= cost;
    }
    return {allowed, std::max<std::int64_t>(spare, 0), (entry.index + 1) * window};
}

Answer Budgets::count(std::string_view key, std::int64_t limit, std::int64_t periodEnd, std::int64_t cost, std::int64_t now) {
    const auto id = idOf(key, 0);
    auto& shard = *shards_[id.high % kShards];
    const auto bounded = std::min(limit, kMost);
    const std::lock_guard lock(shard.mutex);
    auto& entry = shard.counters.at(id, now);
    if (periodEnd > entry.end) {
        if (entry.end <= now) entry.sum = 0;
        entry.end = periodEnd;
    }
    entry.limit = bounded;
    entry.sum = std::min(kMost + 1, entry.sum + std::min(cost, kMost));
    return {entry.sum <= bounded, std::max<std::int64_t>(bounded - entry.sum, 0), periodEnd};
}

Budgets::Size Budgets::size() const {
    Size size;
    for (const auto& shard : shards_) {
        const std::lock_guard lock(shard->mutex);
        size.windows += shard->windows.size();
        size.counters += shard->counters.size();
        size.displaced += shard->windows.displaced() + shard->counters.displaced();
    }
    return size;
}

}  // namespace agentidp::ratelimit_memory
