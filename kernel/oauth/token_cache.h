#pragma once
/// @file kernel/oauth/token_cache.h
/// SHA-256(token) -> its claims, for tokens that passed a full verification. It spares the signature check and nothing else:
/// revocation, not-before and the key's standing are asked on every hit.
#include <array>
#include <list>
#include <memory>
#include <unordered_map>

#include "base/guarded.h"
#include "crypto/hash.h"
#include "oauth/access_claims.h"

namespace agentidp::oauth {

/// Any thread. Bounded: the least recently used entry of a shard goes first.
class TokenCache {
public:
    explicit TokenCache(std::size_t capacity);
    /// Null where unknown; an entry at or past its exp is dropped.
    [[nodiscard]] AccessClaimsPtr find(const crypto::Digest256& token, std::int64_t nowSeconds);
    void put(const crypto::Digest256& token, AccessClaimsPtr claims);
    [[nodiscard]] std::size_t size();

private:
    struct Hash {
        std::size_t operator()(const crypto::Digest256& key) const;
    };
    using Entry = std::pair<crypto::Digest256, AccessClaimsPtr>;
    struct Shard {
        std::list<Entry> recent;  ///< front: used last
        std::unordered_map<crypto::Digest256, std::list<Entry>::iterator, Hash> index;
    };
    static constexpr std::size_t kShards = 16;
    [[nodiscard]] base::Guarded<Shard>& shardOf(const crypto::Digest256& key) { return shards_[key[31] % kShards]; }

    std::size_t perShard_;
    std::array<base::Guarded<Shard>, kShards> shards_;
};

}  // namespace agentidp::oauth
