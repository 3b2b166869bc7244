#pragma once
/// @file plugins/ratelimit/entry_table.h
/// A bounded hash table: open addressing, grows to its bound, then makes room. Not safe for threads: each shard has one and a lock.
///
/// Room is made in this order: every entry that is over (`isOver`) goes, at most once a second; else, of sixteen neighbours (keys are
/// hashed under a secret seed, so neighbours are a random draw), the one whose budget is least spent goes, and among equals the first. An
/// entry is therefore lost while it matters only if the fifteen others drawn were at least as spent.
#include <cstdint>
#include <optional>
#include <vector>

#include "ratelimit/siphash.h"

namespace agentidp::ratelimit {

/// `Entry` has: `Hash128 id` (all zero: a free slot), `bool isOver(int64 now) const`, `double spent(int64 now) const` (share of its limit).
template <class Entry>
class EntryTable {
public:
    explicit EntryTable(std::size_t bound) : bound_(bound < 1 ? 1 : bound), slots_(kFirstSlots) {}

    /// The entry of `id`, made if absent, then with `id` as its only set member. Valid until the next call.
    Entry& at(const Hash128& id, std::int64_t now) {
        std::size_t slot = locate(id);
        if (slots_[slot].id == id) return slots_[slot];
        if (count_ == bound_) {
            makeRoom(now);
            slot = locate(id);
        } else if ((count_ + 1) * 3 > slots_.size() * 2) {
            rebuild(slots_.size() * 2, {});
            slot = locate(id);
        }
        ++count_;
        slots_[slot] = Entry{};
        slots_[slot].id = id;
        return slots_[slot];
    }
    /// The entry of `id`, or null. Valid until the next call.
    [[nodiscard]] const Entry* find(const Hash128& id) const {
        const auto& slot = slots_[locate(id)];
        return slot.id == id ? &slot : nullptr;
    }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::uint64_t displaced() const { return displaced_; }  ///< entries that were not over and had to go

private:
    static constexpr std::size_t kFirstSlots = 64;
    static constexpr std::size_t kDraw = 16;
    static constexpr std::int64_t kSweepEveryUs = 1'000'000;

    [[nodiscard]] std::size_t homeOf(const Hash128& id) const { return id.low & (slots_.size() - 1); }
    [[nodiscard]] std::size_t next(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }
    [[nodiscard]] bool isFree(std::size_t slot) const { return slots_[slot].id == Hash128{}; }

    /// Where `id` is, or the free slot where it belongs.
    [[nodiscard]] std::size_t locate(const Hash128& id) const {
        std::size_t slot = homeOf(id);
        while (!isFree(slot) && !(slots_[slot].id == id)) slot = next(slot);
        return slot;
    }

    /// All entries into a table of `size` slots, without those that are over at `now`, if it is given.
    void rebuild(std::size_t size, std::optional<std::int64_t> now) {
        std::vector<Entry> old(size);
        old.swap(slots_);
        count_ = 0;
        for (const auto& entry : old) {
            if (entry.id == Hash128{} || (now && entry.isOver(*now))) continue;
            slots_[locate(entry.id)] = entry;
            ++count_;
        }
    }

    void makeRoom(std::int64_t now) {
        if (now - lastSweep_ >= kSweepEveryUs || now < lastSweep_) {
            lastSweep_ = now;
            rebuild(slots_.size(), now);
            if (count_ < bound_) return;
        }
        std::optional<std::size_t> least;
        double leastSpent = 0;
        std::size_t drawn = 0;
        for (; drawn < kDraw && drawn < count_; hand_ = next(hand_)) {
            if (isFree(hand_)) continue;
            ++drawn;
            const double spent = slots_[hand_].isOver(now) ? -1 : slots_[hand_].spent(now);
            if (least && spent >= leastSpent) continue;
            least = hand_;
            leastSpent = spent;
        }
        if (leastSpent >= 0) ++displaced_;
        remove(*least);
    }

    /// Moves back what had to step over the removed slot, so that no marks of removed entries are needed.
    void remove(std::size_t hole) {
        for (std::size_t slot = next(hole); !isFree(slot); slot = next(slot)) {
            const std::size_t wanders = (slot - homeOf(slots_[slot].id)) & (slots_.size() - 1);
            const std::size_t gap = (slot - hole) & (slots_.size() - 1);
            if (wanders < gap) continue;
            slots_[hole] = slots_[slot];
            hole = slot;
        }
        slots_[hole] = Entry{};
        --count_;
    }

    std::size_t bound_;
    std::vector<Entry> slots_;  ///< a power of two
    std::size_t count_ = 0;
    std::size_t hand_ = 0;
    std::int64_t lastSweep_ = 0;
    std::uint64_t displaced_ = 0;
};

}  // namespace agentidp::ratelimit
