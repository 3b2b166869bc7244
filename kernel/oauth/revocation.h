#pragma once
/// @file kernel/oauth/revocation.h
/// RFC 7009. "The authorization server responds with HTTP status code 200 if the token has been revoked successfully or if
/// the client submitted an invalid token"; another client's valid token is refused.
#include <optional>
#include <string>

#include "model/answer.h"
#include "model/caller.h"
#include "model/mutation.h"
#include "oauth/client_auth.h"
#include "oauth/token_verifier.h"

namespace agentidp::oauth {

struct RevocationRequest {
    std::string token;
    PresentedClient client;
};
/// Errors: invalid_request, invalid_client.
[[nodiscard]] OauthResult<RevocationRequest> parseRevocationRequest(const RawRequest& request);

enum class RevocationKind { Nothing, Revoke, Repeat };

struct RevocationDecision {
    RevocationKind kind = RevocationKind::Nothing;
    model::Caller caller;
    AccessClaimsPtr claims;    ///< null for garbage
    model::Mutation mutation;  ///< RevokeToken and token.revoked, for Revoke only. If it fails with Exists: answer as for Repeat
    model::Answer answer;      ///< 200, to be sent once the mutation is durable
    model::Mutation rehash;    ///< see AuthenticatedClient::rehash
};

/// Any thread; blocks only where a port does.
class Revocation {
public:
    Revocation(TokenVerifier& verifier, const ClientAuthenticator& clients) : verifier_(verifier), clients_(clients) {}
    [[nodiscard]] OauthResult<RevocationDecision> decide(const RevocationRequest& request, const model::Origin& origin) const;

private:
    TokenVerifier& verifier_;
    const ClientAuthenticator& clients_;
};

}  // namespace agentidp::oauth
