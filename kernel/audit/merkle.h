#pragma once
/// @file kernel/audit/merkle.h
/// The Merkle tree of RFC 6962 section 2.1 (the same as RFC 9162 section 2.1): leaf = SHA-256(0x00 || entry),
/// node = SHA-256(0x01 || left || right). Pure values; any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/hash.h"

namespace agentidp::audit {

using Hash = crypto::Digest256;

[[nodiscard]] Hash leafHash(base::BytesView entry);
[[nodiscard]] Hash nodeHash(const Hash& left, const Hash& right);
/// The root of the tree without leaves: SHA-256 of nothing.
[[nodiscard]] Hash emptyRoot();
[[nodiscard]] base::Bytes toBytes(const Hash& hash);
/// Nothing unless `bytes` are exactly 32.
[[nodiscard]] std::optional<Hash> toHash(base::BytesView bytes);

/// One perfect subtree: the leaves [index << level, (index + 1) << level).
struct Node {
    unsigned level = 0;
    std::uint64_t index = 0;
    Hash hash{};
};

/// The right edge of a growing tree (its compact range): the roots of the perfect subtrees that cover all leaves, largest
/// first, one for each bit set in `size`. It is all that appending needs.
class Frontier {
public:
    Frontier() = default;
    /// From what `serialise` wrote. Errc::Invalid where the number of hashes is not the number of bits set in `size`.
    static base::Result<Frontier> parse(std::uint64_t size, base::BytesView hashes);
    static Frontier ofHashes(std::uint64_t size, std::vector<Hash> hashes);

    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] Hash root() const;
    [[nodiscard]] base::Bytes serialise() const;
    [[nodiscard]] const std::vector<Hash>& hashes() const { return hashes_; }
    /// Adds one leaf. Every perfect subtree of height 8, 16, ... that it completes is appended to `completed`: those are the
    /// hashes that stand in tiles above the lowest level.
    void append(const Hash& leaf, std::vector<Node>* completed = nullptr);
    bool operator==(const Frontier&) const = default;

private:
    std::uint64_t size_ = 0;
    std::vector<Hash> hashes_;
};

/// Where proofs get their hashes. An implementation may block (storage) and may be used by one thread at a time.
class HashReader {
public:
    virtual ~HashReader() = default;
    /// The root of the perfect subtree over the leaves [index << level, (index + 1) << level).
    virtual base::Result<Hash> node(unsigned level, std::uint64_t index) = 0;
};

using Proof = std::vector<Hash>;

[[nodiscard]] base::Result<Hash> rootAt(HashReader& reader, std::uint64_t size);
[[nodiscard]] base::Result<Frontier> frontierAt(HashReader& reader, std::uint64_t size);
/// RFC 9162 section 2.1.3.1, from the leaf's sibling up. Errc::Invalid unless index < size.
[[nodiscard]] base::Result<Proof> inclusionProof(HashReader& reader, std::uint64_t index, std::uint64_t size);
/// RFC 9162 section 2.1.4.1. Errc::Invalid unless 0 < from <= to.
[[nodiscard]] base::Result<Proof> consistencyProof(HashReader& reader, std::uint64_t from, std::uint64_t to);

/// A tree head: what a proof is checked against.
struct Head {
    std::uint64_t size = 0;
    Hash root{};
    bool operator==(const Head&) const = default;
};

/// RFC 9162 section 2.1.3.2. False also for a proof that is longer or shorter than it must be.
[[nodiscard]] bool verifyInclusion(const Hash& leaf, std::uint64_t index, const Head& head, const Proof& proof);
/// RFC 9162 section 2.1.4.2, as strictly. False for an empty `from`: every tree extends it, so it proves nothing.
[[nodiscard]] bool verifyConsistency(const Head& from, const Head& to, const Proof& proof);

}  // namespace agentidp::audit
