#pragma once
/// @file kernel/oauth/token_verifier.h
/// Says what an access token of ours is worth now: for introspection, revocation, and as a bearer token of our own API.
#include <string>
#include <string_view>

#include "oauth/access_claims.h"
#include "oauth/ports.h"
#include "oauth/token_cache.h"

namespace agentidp::oauth {

enum class TokenState {
    Active,
    Invalid,  ///< not ours, malformed, signature wrong, key no longer trusted
    Expired,
    Revoked,
    Superseded,      ///< iat at or before the agent's not-before mark
    ClientInactive,  ///< agent or organization unknown, moved, suspended or decommissioned
    NotYet,          ///< all is well, but nbf or iat is more than 60 s ahead
};
[[nodiscard]] std::string_view nameOf(TokenState state);

struct TokenVerdict {
    TokenState state = TokenState::Invalid;
    AccessClaimsPtr claims;  ///< null for Invalid
    ClientPtr client;        ///< set for Active, NotYet and Superseded
};

inline constexpr std::int64_t kClockSkewSeconds = 60;

/// Any thread; blocks only where Clients does.
class TokenVerifier {
public:
    struct Ports {
        const JwsVerifier& jws;
        const Revocations& revocations;
        Clients& clients;
    };
    /// `cacheCapacity` 0 turns the cache off.
    TokenVerifier(Ports ports, std::string issuer, std::size_t cacheCapacity = 50000);
    /// An error means that nobody can say (Unavailable, Deadline): the caller fails closed.
    [[nodiscard]] base::Result<TokenVerdict> verify(std::string_view token, base::Instant now);

private:
    [[nodiscard]] base::Result<AccessClaimsPtr> claimsOf(std::string_view token, std::int64_t nowSeconds);
    Ports ports_;
    std::string issuer_;
    TokenCache cache_;
    bool caching_;
};

}  // namespace agentidp::oauth
