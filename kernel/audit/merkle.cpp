#include "audit/merkle.h"

#include <algorithm>
#include <bit>

namespace agentidp::audit {
namespace {

constexpr std::uint8_t kLeafPrefix = 0;
constexpr std::uint8_t kNodePrefix = 1;

/// The largest power of two smaller than `count`; RFC 9162 calls it k.
std::uint64_t splitOf(std::uint64_t count) { return std::bit_floor(count - 1); }

/// MTH(D[begin:end]) where `begin` is a multiple of the power of two that covers the range.
base::Result<Hash> rangeHash(HashReader& reader, std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t count = end - begin;
    if (std::has_single_bit(count)) {
        const auto level = static_cast<unsigned>(std::countr_zero(count));
        return reader.node(level, begin >> level);
    }
    const std::uint64_t split = splitOf(count);
    auto left = rangeHash(reader, begin, begin + split);
    if (!left) return left;
    auto right = rangeHash(reader, begin + split, end);
    if (!right) return right;
    return nodeHash(*left, *right);
}

}  // namespace

Hash leafHash(base::BytesView entry) { return crypto::sha256({base::BytesView(&kLeafPrefix, 1), entry}); }

Hash nodeHash(const Hash& left, const Hash& right) {
    std::array<std::uint8_t, 65> input{};
    input[0] = kNodePrefix;
    std::copy(left.begin(), left.end(), input.begin() + 1);
    std::copy(right.begin(), right.end(), input.begin() + 33);
    return crypto::sha256(base::BytesView(input));
}

Hash emptyRoot() { return crypto::sha256(base::BytesView()); }

base::Bytes toBytes(const Hash& hash) { return {hash.begin(), hash.end()}; }

std::optional<Hash> toHash(base::BytesView bytes) {
    Hash hash{};
    if (bytes.size() != hash.size()) return std::nullopt;
    std::copy(bytes.begin(), bytes.end(), hash.begin());
    return hash;
}

base::Result<Frontier> Frontier::parse(std::uint64_t size, base::BytesView hashes) {
    if (hashes.size() != static_cast<std::size_t>(std::popcount(size)) * sizeof(Hash))
        return base::fail(base::Errc::Invalid, "the ledger's frontier does not fit its size");
    Frontier frontier;
    frontier.size_ = size;
    for (std::size_t at = 0; at < hashes.size(); at += sizeof(Hash)) frontier.hashes_.push_back(*toHash(hashes.subspan(at, sizeof(Hash))));
    return frontier;
}

Frontier Frontier::ofHashes(std::uint64_t size, std::vector<Hash> hashes) {
    Frontier frontier;
    frontier.size_ = size;
    frontier.hashes_ = std::move(hashes);
    return frontier;
}

Hash Frontier::root() const {
    if (hashes_.empty()) return emptyRoot();
    Hash root = hashes_.back();
    for (auto left = hashes_.rbegin() + 1; left != hashes_.rend(); ++left) root = nodeHash(*left, root);
    return root;
}

base::Bytes Frontier::serialise() const {
    base::Bytes bytes;
    bytes.reserve(hashes_.size() * sizeof(Hash));
    for (const auto& hash : hashes_) bytes.insert(bytes.end(), hash.begin(), hash.end());
    return bytes;
}

void Frontier::append(const Hash& leaf, std::vector<Node>* completed) {
    hashes_.push_back(leaf);
    unsigned level = 0;
    for (std::uint64_t bits = size_; (bits & 1U) != 0; bits >>= 1U) {
        const Hash right = hashes_.back();
        hashes_.pop_back();
        hashes_.back() = nodeHash(hashes_.back(), right);
        ++level;
        if (completed != nullptr && level % 8 == 0) completed->push_back({level, size_ >> level, hashes_.back()});
    }
    ++size_;
}

base::Result<Frontier> frontierAt(HashReader& reader, std::uint64_t size) {
    std::vector<Hash> hashes;
    std::uint64_t begin = 0;
    for (unsigned level = 64; level-- > 0;) {
        if (((size >> level) & 1U) == 0) continue;
        auto hash = reader.node(level, begin >> level);
        if (!hash) return std::move(hash).error();
        hashes.push_back(*hash);
        begin += std::uint64_t{1} << level;
    }
    return Frontier::ofHashes(size, std::move(hashes));
}

base::Result<Hash> rootAt(HashReader& reader, std::uint64_t size) {
    auto frontier = frontierAt(reader, size);
    if (!frontier) return std::move(frontier).error();
    return frontier->root();
}

base::Result<Proof> inclusionProof(HashReader& reader, std::uint64_t index, std::uint64_t size) {
    if (index >= size) return base::fail(base::Errc::Invalid, "the index lies outside the tree");
    Proof proof;
    std::uint64_t begin = 0;
    std::uint64_t end = size;
    while (end - begin > 1) {
        const std::uint64_t middle = begin + splitOf(end - begin);
        const bool left = index < middle;
        auto sibling = left ? rangeHash(reader, middle, end) : rangeHash(reader, begin, middle);
        if (!sibling) return std::move(sibling).error();
        proof.push_back(*sibling);
        (left ? end : begin) = middle;
    }
    std::reverse(proof.begin(), proof.end());
    return proof;
}

base::Result<Proof> consistencyProof(HashReader& reader, std::uint64_t from, std::uint64_t to) {
    if (from == 0 || from > to) return base::fail(base::Errc::Invalid, "consistency is proven from a smaller tree that is not empty");
    Proof proof;
    std::uint64_t begin = 0;
    std::uint64_t end = to;
    while (end != from) {
        const std::uint64_t middle = begin + splitOf(end - begin);
        const bool left = from <= middle;
        auto sibling = left ? rangeHash(reader, middle, end) : rangeHash(reader, begin, middle);
        if (!sibling) return std::move(sibling).error();
        proof.push_back(*sibling);
        (left ? end : begin) = middle;
    }
    // The old tree's own root is known to whoever asks, so it is left out where it is one of the nodes.
    if (begin != 0) {
        auto own = rangeHash(reader, begin, end);
        if (!own) return std::move(own).error();
        proof.push_back(*own);
    }
    std::reverse(proof.begin(), proof.end());
    return proof;
}

bool verifyInclusion(const Hash& leaf, std::uint64_t index, const Head& head, const Proof& proof) {
    if (index >= head.size) return false;
    std::uint64_t node = index;
    std::uint64_t last = head.size - 1;
    Hash hash = leaf;
    for (const auto& sibling : proof) {
        if (last == 0) return false;
        if ((node & 1U) != 0 || node == last) {
            hash = nodeHash(sibling, hash);
            while ((node & 1U) == 0 && node != 0) {
                node >>= 1U;
                last >>= 1U;
            }
        } else {
            hash = nodeHash(hash, sibling);
        }
        node >>= 1U;
        last >>= 1U;
    }
    return last == 0 && hash == head.root;
}

bool verifyConsistency(const Head& from, const Head& to, const Proof& proof) {
    if (from.size == 0 || from.size > to.size) return false;
    if (from.size == to.size) return proof.empty() && from.root == to.root;
    if (proof.empty()) return false;
    auto next = proof.begin();
    std::uint64_t node = from.size - 1;
    std::uint64_t last = to.size - 1;
    while ((node & 1U) != 0) {
        node >>= 1U;
        last >>= 1U;
    }
    // Where the old size is a power of two its root is itself the first node, and the proof leaves it out.
    Hash older = std::has_single_bit(from.size) ? from.root : *next++;
    Hash newer = older;
    for (; next != proof.end(); ++next) {
        if (last == 0) return false;
        if ((node & 1U) != 0 || node == last) {
            older = nodeHash(*next, older);
            newer = nodeHash(*next, newer);
            while ((node & 1U) == 0 && node != 0) {
                node >>= 1U;
                last >>= 1U;
            }
        } else {
            newer = nodeHash(newer, *next);
        }
        node >>= 1U;
        last >>= 1U;
    }
    return last == 0 && older == from.root && newer == to.root;
}

}  // namespace agentidp::audit
