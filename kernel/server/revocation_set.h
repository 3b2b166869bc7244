#pragma once
/// @file kernel/server/revocation_set.h
/// Every revoked and unexpired token, in process: loaded from storage before the daemon says it is ready, then followed by
/// the ledger. An external cache is never asked.
#include <array>
#include <atomic>
#include <string>
#include <unordered_map>

#include "base/guarded.h"
#include "oauth/ports.h"

namespace agentidp::server {

/// Any thread; never blocks. Where nobody confirmed for `maxStaleness` that storage can still be read, it answers Unavailable:
/// a revocation made elsewhere might have been missed, and the caller fails closed.
class RevocationSet final : public oauth::Revocations {
public:
    RevocationSet(const base::Clock& clock, base::seconds maxStaleness) : clock_(clock), maxStaleness_(maxStaleness) {
        confirm(clock.mono());
    }
    /// Everything that storage knew at `asOf` is in the set.
    void confirm(base::MonoInstant asOf) { confirmed_.store(asOf.time_since_epoch().count(), std::memory_order_relaxed); }
    [[nodiscard]] base::nanoseconds staleness() const;
    [[nodiscard]] base::Result<bool> isRevoked(std::string_view jti) const override;
    void add(std::string_view jti, base::Instant expiresAt);
    /// Forgets those whose token is past its exp anyway.
    void dropExpired(base::Instant now);
    [[nodiscard]] std::size_t size() const;

private:
    static constexpr std::size_t kShards = 16;
    using Shard = std::unordered_map<std::string, base::Instant>;
    const base::Clock& clock_;
    base::seconds maxStaleness_;
    std::atomic<std::int64_t> confirmed_{0};
    std::array<base::SharedGuarded<Shard>, kShards> shards_;
};

}  // namespace agentidp::server
