#pragma once
/// @file kernel/server/revocation_set.h
/// Every revoked and unexpired token, in process: loaded from storage before the daemon says it is ready, then followed by
/// the ledger. An external cache is never asked.
#include <array>
#include <string>
#include <unordered_map>

#include "base/guarded.h"
#include "oauth/ports.h"

namespace agentidp::server {

/// Any thread; never blocks.
class RevocationSet final : public oauth::Revocations {
public:
    [[nodiscard]] base::Result<bool> isRevoked(std::string_view jti) const override;
    void add(std::string_view jti, base::Instant expiresAt);
    /// Forgets those whose token is past its exp anyway.
    void dropExpired(base::Instant now);
    [[nodiscard]] std::size_t size() const;

private:
    static constexpr std::size_t kShards = 16;
    using Shard = std::unordered_map<std::string, base::Instant>;
    std::array<base::SharedGuarded<Shard>, kShards> shards_;
};

}  // namespace agentidp::server
