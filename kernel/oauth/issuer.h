#pragma once
/// @file kernel/oauth/issuer.h
/// From a decided grant to a signed access token (RFC 9068) and the event that tells of it. Header exactly `alg kid typ`;
/// claims `iss sub client_id aud scope iat nbf exp jti organization_id`, then static custom claims.
#include <array>
#include <memory>
#include <string>

#include "base/guarded.h"
#include "model/answer.h"
#include "model/audit_event.h"
#include "model/caller.h"
#include "model/grant.h"
#include "oauth/client.h"
#include "oauth/ports.h"

namespace agentidp::oauth {

/// One draw serves one request: 16 bytes of jti, 8 of the event id, the rest for whoever answers the request.
struct RandomDraw {
    std::array<std::uint8_t, 48> bytes{};
    [[nodiscard]] static RandomDraw fresh();
};

/// Complete but for its signature.
struct UnsignedToken {
    SignerKey key;
    model::Jti jti;
    std::int64_t expiresAt = 0;  ///< epoch seconds
    std::int64_t expiresIn = 0;
    std::string scope;
    std::string signingInput;  ///< header '.' payload; reserved for the signature to be appended
    model::AuditEvent event;   ///< token.issued
};

struct IssuedToken {
    std::string accessToken;  ///< wipe it if the event could not be made durable
    model::Jti jti;
    model::Answer answer;  ///< {access_token, token_type, expires_in, scope}
};

/// Any thread.
class Issuer {
public:
    Issuer(std::string issuer, Signer& signer) : issuer_(std::move(issuer)), signer_(signer) {}

    struct Request {
        const model::Grant& grant;
        const Client& client;
        const model::CredentialId& credentialId;  ///< empty: no secret was used
        const model::Origin& origin;
    };
    /// A token is never born dead: where the agent's not-before mark lies in this very second, `iat` is the next one.
    [[nodiscard]] OauthResult<UnsignedToken> prepare(const Request& request, const RandomDraw& random) const;
    /// Signs on this thread, and finishes.
    [[nodiscard]] OauthResult<IssuedToken> sign(UnsignedToken&& token) const;
    /// Appends the signature.
    [[nodiscard]] static IssuedToken finish(UnsignedToken&& token, base::BytesView signature);

private:
    struct Head {
        SignerKey key;
        std::string segment;
    };
    /// Null for an algorithm nobody here knows.
    [[nodiscard]] std::shared_ptr<const Head> headFor(const SignerKey& key) const;

    std::string issuer_;
    Signer& signer_;
    mutable base::Guarded<std::shared_ptr<const Head>> head_;
};

}  // namespace agentidp::oauth
