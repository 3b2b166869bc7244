#pragma once
/// @file kernel/oauth/token_endpoint.h
/// Decides a token request: authenticate, take from the budget, ask exactly one grant, let the hooks narrow it, look at the quota. Signs
/// nothing and writes nothing.
#include <memory>
#include <vector>

#include "oauth/client_auth.h"
#include "oauth/grant.h"
#include "oauth/policy.h"
#include "oauth/ports.h"
#include "oauth/token_request.h"

namespace agentidp::oauth {

struct TokenDecision {
    model::Grant grant;
    ClientPtr client;
    model::CredentialId credentialId;
    bool touchCredential = false;  ///< see AuthenticatedClient::touch
    model::Mutation rehash;        ///< see AuthenticatedClient::rehash
    BudgetState budget;
};

/// Any thread; blocks only where a port does.
class TokenEndpoint {
public:
    struct Ports {
        Clients& clients;
        const Peppers& peppers;
        Budgets& budgets;
        const SlowHashes* imported = nullptr;  ///< see ClientAuthenticator
    };
    explicit TokenEndpoint(Ports ports);
    /// `settings` may be other ones at every call: a reload hands in new ones. `policy`: the hooks of this request; null: none.
    [[nodiscard]] OauthResult<TokenDecision> decide(const TokenRequest& request, const TokenSettings& settings, base::Instant now,
                                                    Policy* policy = nullptr) const;

private:
    [[nodiscard]] OauthResult<model::Grant> grantFor(const TokenRequest& request, const Client& client, const TokenSettings& settings,
                                                     Policy* policy) const;
    Ports ports_;
    ClientAuthenticator authenticator_;
    std::vector<std::unique_ptr<GrantType>> grants_;
};

}  // namespace agentidp::oauth
