#include "oauth/access_claims.h"

#include "jose/jwt_claims.h"

namespace agentidp::oauth {

base::Result<AccessClaims> parseAccessClaims(std::string_view payload) {
    auto parsed = jose::parseClaims(payload);
    if (!parsed) return base::fail(base::Errc::Unauthenticated, {}, "claims: " + parsed.error().hint + parsed.error().detail);
    const bool complete = !parsed->iss.empty() && !parsed->sub.empty() && !parsed->clientId.empty() && !parsed->aud.empty() &&
                          parsed->iat && parsed->nbf && parsed->exp && !parsed->jti.empty() && !parsed->organizationId.empty();
    if (!complete) return base::fail(base::Errc::Unauthenticated, {}, "a claim of our access tokens is missing");
    auto scopes = model::parseScopes(parsed->scope);
    if (!scopes) return base::fail(base::Errc::Unauthenticated, {}, "the scope claim is malformed");
    AccessClaims claims;
    claims.issuer = std::move(parsed->iss);
    claims.subject = std::move(parsed->sub);
    claims.clientId = std::move(parsed->clientId);
    claims.audience = std::move(parsed->aud);
    claims.scope = std::move(parsed->scope);
    claims.scopes = *std::move(scopes);
    claims.issuedAt = base::epochSecondsOf(*parsed->iat);
    claims.notBefore = base::epochSecondsOf(*parsed->nbf);
    claims.expiresAt = base::epochSecondsOf(*parsed->exp);
    claims.jti = std::move(parsed->jti);
    claims.organizationId = std::move(parsed->organizationId);
    return claims;
}

}  // namespace agentidp::oauth
