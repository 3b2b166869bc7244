#pragma once
/// @file kernel/store/revocations.h
/// The token_revocations table: the only thing ever stored about a token, and only until its exp.
#include <span>
#include <string>
#include <vector>

#include "model/ids.h"
#include "plugin/storage.h"

namespace agentidp::store {

struct Revocation {
    model::Jti jti;
    base::Instant expiresAt;
    base::Instant revokedAt;
};

/// Fails with Exists where it is revoked already.
[[nodiscard]] plugin::Op insertRevocation(const Revocation& revocation);
/// Forgets what no token can need any more.
[[nodiscard]] plugin::Op removeExpiredRevocations(base::Instant now);

/// Those of `jtis` that stand in the table, in any order. Any number of them; blocks for one read a thousand.
[[nodiscard]] base::Result<std::vector<Revocation>> findRevocations(plugin::Storage& storage, const base::Clock& clock,
                                                                    std::span<const model::Jti> jtis);

/// Every unexpired revocation, in pages by jti: `take` gets each. May block for the time many pages need.
[[nodiscard]] base::Result<std::size_t> loadRevocations(plugin::Storage& storage, const base::Clock& clock,
                                                        const std::function<void(Revocation&&)>& take);

}  // namespace agentidp::store
