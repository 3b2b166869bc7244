#include "audit/tiles.h"

#include <algorithm>

#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

constexpr std::string_view kTiles = "audit_tiles";
constexpr std::string_view kEntries = "audit_entries";

std::int64_t stored64(std::uint64_t value) { return static_cast<std::int64_t>(value); }

plugin::Op selectTile(unsigned level, std::uint64_t index) {
    return plugin::select(kTiles, {"hashes"},
                          {{"level", plugin::Compare::Eq, {std::int64_t{level}}}, {"idx", plugin::Compare::Eq, {stored64(index)}}});
}

plugin::Op selectLeaves(std::uint64_t from, std::uint64_t until) {
    return plugin::select(kEntries, {"idx", "leaf"},
                          {{"idx", plugin::Compare::Ge, {stored64(from)}}, {"idx", plugin::Compare::Lt, {stored64(until)}}}, kTileWidth,
                          {{"idx"}});
}

base::Error damaged(std::string what) { return base::fail(base::Errc::Internal, "the audit ledger is damaged", std::move(what)); }

base::Result<std::vector<Hash>> splitHashes(const plugin::OpResult& result) {
    std::vector<Hash> hashes;
    if (result.rows.empty()) return hashes;
    store::RowReader row(result.rows.front());
    const base::Bytes bytes = row.bytes();
    if (auto shape = row.verdict(kTiles); !shape) return std::move(shape).error();
    if (bytes.size() % sizeof(Hash) != 0 || bytes.size() > kTileWidth * sizeof(Hash)) return damaged("a tile has an impossible length");
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(Hash))
        hashes.push_back(*toHash(base::BytesView(bytes).subspan(at, sizeof(Hash))));
    return hashes;
}

/// The leaves from `from` on without a gap.
base::Result<std::vector<Hash>> leavesOf(const plugin::OpResult& result, std::uint64_t from) {
    std::vector<Hash> hashes;
    for (const auto& stored : result.rows) {
        store::RowReader row(stored);
        const std::int64_t index = row.integer();
        const auto leaf = toHash(row.bytes());
        if (auto shape = row.verdict(kEntries); !shape) return std::move(shape).error();
        if (!leaf) return damaged("entry " + std::to_string(index) + " has a leaf of an impossible length");
        if (index != stored64(from + hashes.size())) break;
        hashes.push_back(*leaf);
    }
    return hashes;
}

Hash fold(const Hash* first, std::size_t count) {
    if (count == 1) return *first;
    return nodeHash(fold(first, count / 2), fold(first + count / 2, count / 2));
}

std::uint64_t keyOf(unsigned level, std::uint64_t index) { return (std::uint64_t{level} << 56U) | index; }

}  // namespace

base::Bytes joinHashes(const std::vector<Hash>& hashes) {
    base::Bytes bytes;
    bytes.reserve(hashes.size() * sizeof(Hash));
    for (const auto& hash : hashes) bytes.insert(bytes.end(), hash.begin(), hash.end());
    return bytes;
}

plugin::Op writeTile(const Tile& tile) {
    return plugin::insertInto(kTiles,
                              {{"level", std::int64_t{tile.level}}, {"idx", stored64(tile.index)}, {"hashes", joinHashes(tile.hashes)}},
                              plugin::Op::OnConflict::Replace);
}

std::vector<plugin::Op> TileEdge::loads(std::uint64_t size) {
    std::vector<plugin::Op> ops{selectLeaves(size / kTileWidth * kTileWidth, size)};
    for (unsigned level = 1; level < kTileLevels; ++level) ops.push_back(selectTile(level, (size >> (8 * level)) / kTileWidth));
    return ops;
}

base::Result<TileEdge> TileEdge::loaded(std::uint64_t size, std::span<const plugin::OpResult> results) {
    if (results.size() != kTileLevels) return damaged("storage answered another number of results");
    TileEdge edge;
    edge.size_ = size;
    for (unsigned level = 0; level < kTileLevels; ++level) {
        auto hashes = level == 0 ? leavesOf(results[0], size / kTileWidth * kTileWidth) : splitHashes(results[level]);
        if (!hashes) return std::move(hashes).error();
        const auto width = static_cast<std::size_t>((size >> (8 * level)) % kTileWidth);
        if (hashes->size() < width)
            return damaged("the last tile of level " + std::to_string(level) + " has " + std::to_string(hashes->size()) + " hashes of " +
                           std::to_string(width));
        hashes->resize(width);
        edge.levels_[level] = std::move(*hashes);
    }
    return edge;
}

void TileEdge::add(unsigned level, const Hash& hash) {
    auto& tile = levels_[level];
    tile.push_back(hash);
    dirty_[level] = level > 0;
    if (tile.size() < kTileWidth) return;
    finished_.push_back({level, (size_ >> (8 * level)) / kTileWidth, std::move(tile)});
    tile.clear();
    dirty_[level] = false;
}

void TileEdge::append(const Hash& leaf, const std::vector<Node>& completed) {
    add(0, leaf);
    for (const auto& node : completed) add(node.level / 8, node.hash);
    ++size_;
}

std::vector<Tile> TileEdge::takeChanged() {
    std::vector<Tile> changed = std::move(finished_);
    finished_.clear();
    for (unsigned level = 1; level < kTileLevels; ++level) {
        if (dirty_[level]) changed.push_back({level, (size_ >> (8 * level)) / kTileWidth, levels_[level]});
        dirty_[level] = false;
    }
    return changed;
}

bool TileEdge::agreesWith(const Frontier& frontier) const {
    Frontier again;
    for (const auto& leaf : levels_[0]) again.append(leaf);
    const auto& whole = frontier.hashes();
    return size_ == frontier.size() && again.hashes().size() <= whole.size() &&
           std::equal(again.hashes().rbegin(), again.hashes().rend(), whole.rbegin());
}

std::shared_ptr<const Tile> TileCache::find(unsigned level, std::uint64_t index) {
    auto held = state_.lock();
    const auto found = held->places.find(keyOf(level, index));
    if (found == held->places.end()) return nullptr;
    held->order.splice(held->order.begin(), held->order, found->second);
    return *found->second;
}

void TileCache::put(std::shared_ptr<const Tile> tile) {
    auto held = state_.lock();
    const std::uint64_t key = keyOf(tile->level, tile->index);
    if (held->places.contains(key)) return;
    held->order.push_front(std::move(tile));
    held->places.emplace(key, held->order.begin());
    if (held->order.size() <= most_) return;
    held->places.erase(keyOf(held->order.back()->level, held->order.back()->index));
    held->order.pop_back();
}

base::Result<std::vector<Hash>> TileReader::stored(unsigned level, std::uint64_t index) {
    auto results = storage_.read({selectTile(level, index)}, plugin::callWithin(clock_, store::kReadDeadline));
    if (!results) return std::move(results).error();
    return splitHashes(results->front());
}

base::Result<std::vector<Hash>> TileReader::leaves(std::uint64_t index) {
    const std::uint64_t from = index * kTileWidth;
    auto results = storage_.read({selectLeaves(from, from + kTileWidth)}, plugin::callWithin(clock_, store::kReadDeadline));
    if (!results) return std::move(results).error();
    return leavesOf(results->front(), from);
}

base::Result<std::shared_ptr<const Tile>> TileReader::tile(unsigned level, std::uint64_t index, std::size_t width) {
    if (last_ && last_->level == level && last_->index == index && last_->hashes.size() >= width) return last_;
    if (cache_ != nullptr)
        if (auto kept = cache_->find(level, index)) return last_ = std::move(kept);
    auto hashes = stored(level, index);
    if (!hashes) return std::move(hashes).error();
    if (hashes->size() < width && level == 0) {
        hashes = leaves(index);
        if (!hashes) return std::move(hashes).error();
    }
    while (hashes->size() < width && level > 0) {
        auto below = tile(level - 1, index * kTileWidth + hashes->size(), kTileWidth);
        if (!below) return below;
        hashes->push_back(fold((*below)->hashes.data(), kTileWidth));
    }
    if (hashes->size() < width) return base::fail(base::Errc::NotFound, "the ledger has no such tile");
    auto tile = std::make_shared<const Tile>(Tile{level, index, std::move(*hashes)});
    if (cache_ != nullptr && tile->full()) cache_->put(tile);
    last_ = tile;
    return tile;
}

base::Result<Hash> TileReader::node(unsigned level, std::uint64_t index) {
    const unsigned inside = level % 8;
    const std::uint64_t first = index << inside;
    const auto offset = static_cast<std::size_t>(first % kTileWidth);
    const std::size_t count = std::size_t{1} << inside;
    auto found = tile(level / 8, first / kTileWidth, offset + count);
    if (!found) return std::move(found).error();
    return fold((*found)->hashes.data() + offset, count);
}

}  // namespace agentidp::audit
