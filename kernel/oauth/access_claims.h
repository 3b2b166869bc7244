#pragma once
/// @file kernel/oauth/access_claims.h
/// The claims of an access token of ours (RFC 9068 section 2.2) as a value.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/scope.h"

namespace agentidp::oauth {

struct AccessClaims {
    std::string issuer;
    std::string subject;
    std::string clientId;
    std::vector<std::string> audience;
    std::string scope;  ///< as written
    model::ScopeSet scopes;
    std::int64_t issuedAt = 0;
    std::int64_t notBefore = 0;
    std::int64_t expiresAt = 0;
    std::string jti;
    std::string organizationId;
    std::string kid;  ///< from the header
};
using AccessClaimsPtr = std::shared_ptr<const AccessClaims>;

/// Strict: every claim we write must be there, with its type, once. Others are ignored. Errors: Unauthenticated.
[[nodiscard]] base::Result<AccessClaims> parseAccessClaims(std::string_view payload);

}  // namespace agentidp::oauth
