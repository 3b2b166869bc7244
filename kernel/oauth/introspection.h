#pragma once
/// @file kernel/oauth/introspection.h
/// RFC 7662. A caller sees its own tokens, tokens whose audience it is, and with tokens:introspect those of its organization;
/// everything else is the same `{"active":false}`.
#include <optional>
#include <string>

#include "model/answer.h"
#include "model/caller.h"
#include "oauth/bearer.h"
#include "oauth/client_auth.h"
#include "oauth/token_verifier.h"

namespace agentidp::oauth {

struct IntrospectionRequest {
    std::string token;
    PresentedClient client;             ///< method None where `bearer` is set
    std::optional<std::string> bearer;  ///< the whole Authorization field
};
/// Errors: invalid_request, invalid_client.
[[nodiscard]] OauthResult<IntrospectionRequest> parseIntrospectionRequest(const RawRequest& request);

struct IntrospectionDecision {
    model::Caller caller;    ///< whose introspections are summed
    AccessClaimsPtr claims;  ///< null: inactive, or none of the caller's business
    model::Answer answer;
    model::Mutation rehash;  ///< see AuthenticatedClient::rehash
};

/// Any thread; blocks only where a port does. Changes nothing.
class Introspection {
public:
    Introspection(TokenVerifier& verifier, const ClientAuthenticator& clients)
        : verifier_(verifier), bearer_(verifier), clients_(clients) {}
    [[nodiscard]] OauthResult<IntrospectionDecision> decide(const IntrospectionRequest& request, base::Instant now) const;

private:
    /// Fills `rehash` where the caller's secret gave cause.
    [[nodiscard]] OauthResult<model::Caller> authenticate(const IntrospectionRequest& request, base::Instant now,
                                                          model::Mutation& rehash) const;
    TokenVerifier& verifier_;
    BearerAuth bearer_;
    const ClientAuthenticator& clients_;
};

/// The body for `claims`, or `{"active":false}` for null.
[[nodiscard]] std::string introspectionBody(const AccessClaims* claims);

}  // namespace agentidp::oauth
