#pragma once
/// @file plugins/ratelimit/budgets.h
/// The rules of aip_ratelimit_ops over memory: sliding windows (take) and period counters (count). ratelimit-memory decides by them;
/// ratelimit-redis keeps in them what this process was granted, and decides by them while its server is away. Time is handed in and
/// never steps back (ForwardClock). Any thread; each shard has a lock, held for less than a microsecond but for the moments in which a
/// shard grows.
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "ratelimit/entry_table.h"
#include "ratelimit/siphash.h"

namespace agentidp::ratelimit {

/// One budget's two newest windows. 64 bytes: a cache line.
struct WindowEntry {
    Hash128 id;
    std::int64_t window = 0;  ///< its length, us
    std::int64_t index = 0;   ///< of the current window since 1970
    std::int64_t current = 0;
    std::int64_t previous = 0;
    std::int64_t limit = 0;  ///< the last one asked for
    std::int64_t reserved = 0;

    /// Enters the window of `now`.
    void roll(std::int64_t now);
    /// The previous window weighted by what is left of this one, rounded up: with whole costs and limits that is the unrounded rule.
    [[nodiscard]] std::int64_t weighted(std::int64_t now) const;
    [[nodiscard]] bool isOver(std::int64_t now) const;
    [[nodiscard]] double spent(std::int64_t now) const;
};

struct CounterEntry {
    Hash128 id;
    std::int64_t end = 0;
    std::int64_t sum = 0;
    std::int64_t limit = 0;

    [[nodiscard]] bool isOver(std::int64_t now) const { return end <= now; }
    [[nodiscard]] double spent(std::int64_t now) const;
};

struct Answer {
    bool allowed = false;
    std::int64_t remaining = 0;
    std::int64_t end = 0;  ///< of the current window or period, us
};

class Budgets {
public:
    struct Size {
        std::size_t windows = 0, counters = 0;
        std::uint64_t displaced = 0;
    };

    /// At most `maxKeys` windows and as many counters are held.
    Budgets(std::size_t maxKeys, HashSeed seed);

    /// 0 <= limit, 0 < window, 0 < cost.
    Answer take(std::string_view key, std::int64_t limit, std::int64_t window, std::int64_t cost, std::int64_t now);
    /// 0 <= limit, 0 <= cost. A key whose period is over begins at 0; one asked for with another end in its period keeps its sum.
    Answer count(std::string_view key, std::int64_t limit, std::int64_t periodEnd, std::int64_t cost, std::int64_t now);
    [[nodiscard]] Size size() const;

    /// What a window holds as far as this table knows.
    struct Taken {
        std::int64_t current = 0, previous = 0;
        std::int64_t weighted = 0;  ///< what of `previous` still counts
    };
    [[nodiscard]] Taken taken(std::string_view key, std::int64_t window, std::int64_t now);
    /// Takes what somebody else has granted already, whether it fits or not.
    void grant(std::string_view key, std::int64_t limit, std::int64_t window, std::int64_t cost, std::int64_t now);
    /// Raises a counter to a sum that is known from elsewhere, never lowers it; answers what it stands at. 0 only reads.
    std::int64_t raise(std::string_view key, std::int64_t limit, std::int64_t periodEnd, std::int64_t sum, std::int64_t now);

private:
    struct Shard;
    /// In the shard's lock.
    WindowEntry& window(Shard& shard, const Hash128& id, std::int64_t limit, std::int64_t length, std::int64_t now);
    CounterEntry& counter(Shard& shard, const Hash128& id, std::int64_t limit, std::int64_t periodEnd, std::int64_t now);
    static constexpr std::size_t kShards = 64;
    struct alignas(64) Shard {
        explicit Shard(std::size_t bound) : windows(bound), counters(bound) {}
        std::mutex mutex;
        EntryTable<WindowEntry> windows;
        EntryTable<CounterEntry> counters;
    };
    [[nodiscard]] Hash128 idOf(std::string_view key, std::uint64_t salt) const;

    HashSeed seed_;
    std::array<std::unique_ptr<Shard>, kShards> shards_;
};

}  // namespace agentidp::ratelimit
