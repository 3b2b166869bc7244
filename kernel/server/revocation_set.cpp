#include "server/revocation_set.h"

namespace agentidp::server {
namespace {

std::size_t shardOf(std::string_view jti) { return std::hash<std::string_view>{}(jti); }

}  // namespace

base::nanoseconds RevocationSet::staleness() const {
    return clock_.mono().time_since_epoch() - base::nanoseconds(confirmed_.load(std::memory_order_relaxed));
}

base::Result<bool> RevocationSet::isRevoked(std::string_view jti) const {
    if (staleness() > maxStaleness_) return base::fail(base::Errc::Unavailable, "", "the view of revocations is older than allowed");
    auto shard = shards_[shardOf(jti) % kShards].read();
    return shard->contains(std::string(jti));
}

void RevocationSet::add(std::string_view jti, base::Instant expiresAt) {
    auto shard = shards_[shardOf(jti) % kShards].write();
    shard->insert_or_assign(std::string(jti), expiresAt);
}

void RevocationSet::dropExpired(base::Instant now) {
    for (auto& guarded : shards_) {
        auto shard = guarded.write();
        std::erase_if(*shard, [&](const auto& entry) { return entry.second < now; });
    }
}

std::size_t RevocationSet::size() const {
    std::size_t count = 0;
    for (const auto& guarded : shards_) count += guarded.read()->size();
    return count;
}

}  // namespace agentidp::server
