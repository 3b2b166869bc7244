#pragma once
/// @file kernel/jose/jwt_claims.h
/// The claims of a JWT (RFC 7519, RFC 9068) as typed values, and the checks every receiver makes. Strict: a claim of another
/// type than the RFC says refuses the token. Texts are compared as bytes. Pure; any thread.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "jose/jws.h"

namespace agentidp::jose {

struct JwtClaims {
    std::string typ;                                             ///< of the header; empty where absent
    std::string iss, sub, clientId, scope, jti, organizationId;  ///< empty where absent
    std::vector<std::string> aud;                                ///< one or more texts, as given
    std::optional<base::Instant> iat, nbf, exp;                  ///< whole seconds, 1970 to 9999
    base::json::Value all;                                       ///< every claim, these included
};

/// Errc::Invalid if the payload is no JSON object, or a claim has another type or is out of range. NumericDate (RFC 7519
/// section 2) may be fractional; here it is rounded down for iat and nbf and exp alike.
[[nodiscard]] base::Result<JwtClaims> parseClaims(std::string_view payloadJson);
[[nodiscard]] base::Result<JwtClaims> parseClaims(const Jws& verified);

/// What a receiver demands. Empty members are not demanded, except that `exp` always is.
struct ClaimExpectations {
    base::Instant now;
    base::seconds leeway{60};   ///< for iat and nbf ahead of our clock; an expired token gets none
    std::string_view issuer;    ///< equal as bytes
    std::string_view audience;  ///< one of `aud`, equal as bytes
    std::string_view typ;       ///< "at+jwt"; "application/" before it is the same (RFC 7515 section 4.1.9), without case
};

/// Errc::Unauthenticated, with a detail that names the first claim that failed.
[[nodiscard]] base::Result<void> checkClaims(const JwtClaims& claims, const ClaimExpectations& expected);

}  // namespace agentidp::jose
