#include "ratelimit/budgets.h"

#include <algorithm>

namespace agentidp::ratelimit {
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

WindowEntry& Budgets::window(Shard& shard, const Hash128& id, std::int64_t limit, std::int64_t length, std::int64_t now) {
    auto& entry = shard.windows.at(id, now);
    if (entry.window == 0) {
        entry.window = length;
        entry.index = now / length;
    }
    entry.limit = std::min(limit, kMost);
    entry.roll(now);
    return entry;
}

CounterEntry& Budgets::counter(Shard& shard, const Hash128& id, std::int64_t limit, std::int64_t periodEnd, std::int64_t now) {
    auto& entry = shard.counters.at(id, now);
    if (periodEnd > entry.end) {
        if (entry.end <= now) entry.sum = 0;
        entry.end = periodEnd;
    }
    entry.limit = std::min(limit, kMost);
    return entry;
}

Answer Budgets::take(std::string_view key, std::int64_t limit, std::int64_t window, std::int64_t cost, std::int64_t now) {
    const auto id = idOf(key, static_cast<std::uint64_t>(window));
    auto& shard = *shards_[id.high % kShards];
    const std::lock_guard lock(shard.mutex);
    auto& entry = this->window(shard, id, limit, window, now);
    auto spare = entry.limit - entry.current - entry.weighted(now);
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
    const std::lock_guard lock(shard.mutex);
    auto& entry = counter(shard, id, limit, periodEnd, now);
    entry.sum = std::min(kMost + 1, entry.sum + std::min(cost, kMost));
    return {entry.sum <= entry.limit, std::max<std::int64_t>(entry.limit - entry.sum, 0), periodEnd};
}

Budgets::Taken Budgets::taken(std::string_view key, std::int64_t window, std::int64_t now) {
    const auto id = idOf(key, static_cast<std::uint64_t>(window));
    auto& shard = *shards_[id.high % kShards];
    const std::lock_guard lock(shard.mutex);
    const auto* held = shard.windows.find(id);
    if (held == nullptr) return {};
    WindowEntry entry = *held;
    entry.roll(now);
    return {entry.current, entry.previous, entry.weighted(now)};
}

void Budgets::grant(std::string_view key, std::int64_t limit, std::int64_t window, std::int64_t cost, std::int64_t now) {
    const auto id = idOf(key, static_cast<std::uint64_t>(window));
    auto& shard = *shards_[id.high % kShards];
    const std::lock_guard lock(shard.mutex);
    auto& entry = this->window(shard, id, limit, window, now);
    // Another thread may have entered the next window since the grant was asked for.
    const auto behind = entry.index - now / window;
    if (behind > 1) return;
    auto& sum = behind == 1 ? entry.previous : entry.current;
    sum = std::min(kMost, sum + std::min(cost, kMost));
}

std::int64_t Budgets::raise(std::string_view key, std::int64_t limit, std::int64_t periodEnd, std::int64_t sum, std::int64_t now) {
    const auto id = idOf(key, 0);
    auto& shard = *shards_[id.high % kShards];
    const std::lock_guard lock(shard.mutex);
    auto& entry = counter(shard, id, limit, periodEnd, now);
    entry.sum = std::max(entry.sum, std::min(sum, kMost));
    return entry.sum;
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

}  // namespace agentidp::ratelimit
