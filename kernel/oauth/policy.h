#pragma once
/// @file kernel/oauth/policy.h
/// What hooks say of one token request. Whatever they say, it only tightens: the endpoint looks at each answer again.
#include <optional>
#include <string>

#include "model/grant.h"
#include "oauth/client_auth.h"
#include "oauth/ports.h"
#include "oauth/token_request.h"

namespace agentidp::oauth {

/// 403 `access_denied`: a hook said no, and in which words. Its code stands before its reason.
[[nodiscard]] OauthError policyDenied(std::string_view code, std::string_view reason);
/// 503 with Retry-After: a hook that must be asked gave no answer that may be used; `why` is for the log.
[[nodiscard]] OauthError hookUnavailable(std::string why);

/// What a scope hook left of a grant. Absent members narrow nothing.
struct Narrowing {
    std::optional<model::ScopeSet> scopes;
    std::optional<base::seconds> maxTtl;
    std::optional<std::string> audience;
};

/// One request's hooks: one thread at a time. May block for the hooks' time.
class Policy {
public:
    virtual ~Policy() = default;
    /// Nothing: go on.
    [[nodiscard]] virtual std::optional<OauthError> authenticated(const AuthenticatedClient& client, const TokenRequest& request) = 0;
    [[nodiscard]] virtual Charge charge(const Client& client) = 0;
    [[nodiscard]] virtual OauthResult<Narrowing> scopes(const Client& client, const TokenRequest& request, const model::Grant& grant) = 0;
    /// The grant's static claims and what hooks add, as one JSON object; every name is allowed here.
    [[nodiscard]] virtual OauthResult<std::string> claims(const Client& client, const model::Grant& grant) = 0;
};

/// `grant` as far as `narrowing` leaves it. Refused: nothing is left, or it would have become more.
[[nodiscard]] OauthResult<model::Grant> narrowed(model::Grant grant, const Narrowing& narrowing, std::string_view issuer);

}  // namespace agentidp::oauth
