#pragma once
/// @file kernel/audit/tiles.h
/// The tree as tiles of 256 hashes (C2SP tlog-tiles): tile (level, index) holds the roots of the subtrees of height 8 * level
/// from index * 256 on. Storage keeps full tiles of level 0, whose unfinished one lies in audit_entries.leaf, and finished and
/// unfinished ones of every level above, so that any proof costs a handful of reads.
#include <array>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "audit/merkle.h"
#include "base/guarded.h"
#include "plugin/storage.h"

namespace agentidp::audit {

inline constexpr std::size_t kTileWidth = 256;
inline constexpr unsigned kTileLevels = 8;  ///< enough for 2^64 leaves

struct Tile {
    unsigned level = 0;
    std::uint64_t index = 0;
    std::vector<Hash> hashes;  ///< 1 to 256
    [[nodiscard]] bool full() const { return hashes.size() == kTileWidth; }
};

[[nodiscard]] plugin::Op writeTile(const Tile& tile);
[[nodiscard]] base::Bytes joinHashes(const std::vector<Hash>& hashes);

/// The unfinished tiles at the right edge, level by level: what the appender keeps so that it never reads tiles back.
class TileEdge {
public:
    /// What must be read to know the edge of a tree of `size`, and the edge that the answers give.
    static std::vector<plugin::Op> loads(std::uint64_t size);
    static base::Result<TileEdge> loaded(std::uint64_t size, std::span<const plugin::OpResult> results);

    [[nodiscard]] std::uint64_t size() const { return size_; }
    /// Adds the next leaf and the higher nodes that Frontier::append said it completed.
    void append(const Hash& leaf, const std::vector<Node>& completed);
    /// The tiles to be written since the last call.
    std::vector<Tile> takeChanged();
    /// Whether the edge gives the low nodes of `frontier`, which must be of the same size.
    [[nodiscard]] bool agreesWith(const Frontier& frontier) const;

private:
    void add(unsigned level, const Hash& hash);
    std::uint64_t size_ = 0;
    std::array<std::vector<Hash>, kTileLevels> levels_;
    std::array<bool, kTileLevels> dirty_{};
    std::vector<Tile> finished_;
};

/// Full tiles never change, so they may be kept: least recently used first out. Any thread.
class TileCache {
public:
    explicit TileCache(std::size_t most = 256) : most_(most) {}
    [[nodiscard]] std::shared_ptr<const Tile> find(unsigned level, std::uint64_t index);
    void put(std::shared_ptr<const Tile> tile);

private:
    struct State {
        std::list<std::shared_ptr<const Tile>> order;
        std::unordered_map<std::uint64_t, std::list<std::shared_ptr<const Tile>>::iterator> places;
    };
    std::size_t most_;
    base::Guarded<State> state_;
};

/// Hashes out of storage. One thread at a time; blocks. A tile that is missing or too short is computed again from the level
/// below, in the end from the leaves of audit_entries.
class TileReader final : public HashReader {
public:
    /// Without a cache every tile is read anew: that is what a verifier wants.
    TileReader(plugin::Storage& storage, const base::Clock& clock, TileCache* cache = nullptr)
        : storage_(storage), clock_(clock), cache_(cache) {}
    base::Result<Hash> node(unsigned level, std::uint64_t index) override;
    /// At least `width` hashes of a tile; NotFound where the tree has not so many.
    base::Result<std::shared_ptr<const Tile>> tile(unsigned level, std::uint64_t index, std::size_t width);

private:
    base::Result<std::vector<Hash>> stored(unsigned level, std::uint64_t index);
    base::Result<std::vector<Hash>> leaves(std::uint64_t index);

    plugin::Storage& storage_;
    const base::Clock& clock_;
    TileCache* cache_;
    std::shared_ptr<const Tile> last_;
};

}  // namespace agentidp::audit
