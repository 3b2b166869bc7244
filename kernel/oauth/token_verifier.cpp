#include "oauth/token_verifier.h"

#include "base/ids.h"
#include "oauth/form.h"

namespace agentidp::oauth {

std::string_view nameOf(TokenState state) {
    switch (state) {
        case TokenState::Active: return "active";
        case TokenState::Invalid: return "invalid";
        case TokenState::Expired: return "expired";
        case TokenState::NotYet: return "not_yet";
        case TokenState::Revoked: return "revoked";
        case TokenState::Superseded: return "superseded";
        case TokenState::ClientInactive: return "client_inactive";
    }
    return "invalid";
}

TokenVerifier::TokenVerifier(Ports ports, std::string issuer, std::size_t cacheCapacity)
    : ports_(ports), issuer_(std::move(issuer)), cache_(cacheCapacity), caching_(cacheCapacity != 0) {}

/// Null: the token is Invalid.
base::Result<AccessClaimsPtr> TokenVerifier::claimsOf(std::string_view token, std::int64_t nowSeconds) {
    if (token.empty() || token.size() > kMaxTokenLength) return AccessClaimsPtr();
    const auto key = crypto::sha256(base::bytesOf(token));
    if (caching_)
        if (auto known = cache_.find(key, nowSeconds)) return known;
    auto verified = ports_.jws.verify(token);
    if (!verified) {
        const auto code = verified.error().code;
        if (code == base::Errc::Unavailable || code == base::Errc::Deadline || code == base::Errc::Internal)
            return std::move(verified).error();
        return AccessClaimsPtr();
    }
    if (verified->typ != "at+jwt") return AccessClaimsPtr();
    auto claims = parseAccessClaims(verified->payload);
    if (!claims || claims->issuer != issuer_) return AccessClaimsPtr();
    claims->kid = std::move(verified->kid);
    auto shared = std::make_shared<const AccessClaims>(*std::move(claims));
    if (caching_ && shared->expiresAt > nowSeconds) cache_.put(key, shared);
    return AccessClaimsPtr(std::move(shared));
}

base::Result<TokenVerdict> TokenVerifier::verify(std::string_view token, base::Instant now) {
    const auto seconds = base::epochSecondsOf(now);
    auto found = claimsOf(token, seconds);
    if (!found) return std::move(found).error();
    TokenVerdict verdict;
    const auto as = [&](TokenState state) {
        verdict.state = state;
        return verdict;
    };
    if (*found == nullptr || !ports_.jws.trusts((*found)->kid)) return verdict;
    verdict.claims = *std::move(found);
    const auto& claims = *verdict.claims;
    if (claims.expiresAt <= seconds) return as(TokenState::Expired);
    auto revoked = ports_.revocations.isRevoked(claims.jti);
    if (!revoked) return std::move(revoked).error();
    if (*revoked) return as(TokenState::Revoked);

    if (!base::isUuid(claims.subject)) return as(TokenState::ClientInactive);
    auto client = ports_.clients.find(model::AgentId(claims.subject));
    if (!client && client.error().code != base::Errc::NotFound) return std::move(client).error();
    if (!client) return as(TokenState::ClientInactive);
    verdict.client = *std::move(client);
    if (!verdict.client->active() || verdict.client->organization.id.str() != claims.organizationId) return as(TokenState::ClientInactive);
    if (verdict.client->supersedes(claims.issuedAt)) return as(TokenState::Superseded);
    if (claims.notBefore > seconds + kClockSkewSeconds || claims.issuedAt > seconds + kClockSkewSeconds) return as(TokenState::NotYet);
    return as(TokenState::Active);
}

}  // namespace agentidp::oauth
