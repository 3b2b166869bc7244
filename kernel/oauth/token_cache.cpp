#include "oauth/token_cache.h"

#include <algorithm>
#include <cstring>

namespace agentidp::oauth {

TokenCache::TokenCache(std::size_t capacity) : perShard_(std::max<std::size_t>(1, capacity / kShards)) {}

std::size_t TokenCache::Hash::operator()(const crypto::Digest256& key) const {
    std::size_t value = 0;
    std::memcpy(&value, key.data(), sizeof(value));
    return value;
}

AccessClaimsPtr TokenCache::find(const crypto::Digest256& token, std::int64_t nowSeconds) {
    auto shard = shardOf(token).lock();
    const auto found = shard->index.find(token);
    if (found == shard->index.end()) return nullptr;
    if (found->second->second->expiresAt <= nowSeconds) {
        shard->recent.erase(found->second);
        shard->index.erase(found);
        return nullptr;
    }
    shard->recent.splice(shard->recent.begin(), shard->recent, found->second);
    return found->second->second;
}

void TokenCache::put(const crypto::Digest256& token, AccessClaimsPtr claims) {
    auto shard = shardOf(token).lock();
    if (shard->index.contains(token)) return;
    if (shard->index.size() >= perShard_) {
        shard->index.erase(shard->recent.back().first);
        shard->recent.pop_back();
    }
    shard->recent.emplace_front(token, std::move(claims));
    shard->index.emplace(token, shard->recent.begin());
}

std::size_t TokenCache::size() {
    std::size_t total = 0;
    for (auto& shard : shards_) total += shard.lock()->index.size();
    return total;
}

}  // namespace agentidp::oauth
