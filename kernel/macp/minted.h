#pragma once
/// @file kernel/macp/minted.h
/// Tokens of the mint that come back: what one is worth now, who may know of it, who may end it. A runtime that verifies offline asks
/// none of this, so that for it a revocation changes nothing until `exp`.
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "macp/mint.h"
#include "model/caller.h"
#include "model/mutation.h"
#include "oauth/ports.h"

namespace agentidp::macp {

struct MintedClaims {
    std::string subject;  ///< WTF-8
    std::string scopesJson;
    std::string jti;
    std::string kid;
    std::int64_t issuedAt = 0;
    std::int64_t expiresAt = 0;
};

struct MintedAnswer {
    std::string jti;
    std::string body;
};

/// What to do about a revocation.
struct MintedRevocation {
    enum class Kind { Nothing, Denied, Revoke } kind = Kind::Nothing;
    MintedClaims claims;
    model::Mutation mutation;  ///< RevokeToken and token.revoked, for Revoke only
};

/// Any thread; never blocks.
class Minted {
public:
    struct Ports {
        const oauth::JwsVerifier& jws;
        const oauth::Revocations& revocations;
    };
    Minted(Ports ports, MintNames names) : ports_(ports), names_(std::move(names)) {}

    /// The claims of a live token of this mint; nothing for any other text, an expired or a revoked one. Any error: nobody can say.
    [[nodiscard]] base::Result<std::optional<MintedClaims>> verify(std::string_view token, base::Instant now) const;
    /// RFC 7662, for callers that may see it: tokens:introspect, and with it macp:mint or admin:orgs, for a minted token belongs to no
    /// organization. Nothing where the caller may not, or the token is worth nothing.
    [[nodiscard]] base::Result<std::optional<MintedAnswer>> introspect(const model::Caller& caller, std::string_view token,
                                                                       base::Instant now) const;
    /// RFC 7009 for a caller with tokens:revoke, and with it macp:mint or admin:orgs.
    [[nodiscard]] base::Result<MintedRevocation> revoke(const model::Caller& caller, std::string_view token,
                                                        const model::Origin& origin) const;

private:
    Ports ports_;
    MintNames names_;
};

}  // namespace agentidp::macp
