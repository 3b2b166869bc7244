#include "oauth/token_endpoint.h"

#include <algorithm>

namespace agentidp::oauth {
namespace {

OauthError tooMany(const BudgetState& budget, base::Instant now) {
    auto error = oauthError(OauthCode::TooManyRequests, {}, "rate_limited");
    const auto wait = std::chrono::ceil<base::seconds>(budget.resetAt - now);
    error.retryAfter = std::max(wait, base::seconds(1));
    error.budget = budget;
    return error;
}

/// Adds what is known by now: whom it was about, and where its budget stands.
OauthError withContext(OauthError error, const TokenRequest& request, const BudgetState& budget) {
    error.claimedClient = request.client.clientId;
    error.budget = budget;
    return error;
}

}  // namespace

TokenEndpoint::TokenEndpoint(Ports ports)
    : ports_(ports), authenticator_(ports.clients, ports.peppers, ports.imported), grants_(allGrantTypes()) {}

OauthResult<TokenDecision> TokenEndpoint::decide(const TokenRequest& request, const TokenSettings& settings, base::Instant now,
                                                 Policy* policy) const {
    // Only a proven client is charged: a stranger who knows a client_id must not be able to spend its budget.
    auto authenticated = authenticator_.authenticate(request.client, now);
    if (!authenticated) return std::move(authenticated).refusal();
    if (policy != nullptr)
        if (auto refused = policy->authenticated(*authenticated, request)) return withContext(*std::move(refused), request, {});
    TokenDecision decision;
    decision.client = authenticated->client;
    decision.credentialId = authenticated->credentialId;
    decision.touchCredential = authenticated->touch;
    decision.rehash = std::move(authenticated->rehash);

    auto taken = ports_.budgets.takeRequest(*decision.client, now, policy != nullptr ? policy->charge(*decision.client) : Charge{});
    if (!taken) return oauthErrorOf(taken.error());
    decision.budget = taken->state;
    if (!taken->allowed) return withContext(tooMany(taken->state, now), request, decision.budget);

    auto granted = grantFor(request, *decision.client, settings, policy);
    if (!granted) return withContext(std::move(granted).refusal(), request, decision.budget);
    decision.grant = *std::move(granted);

    // Last, so that a refused request costs no token of the month.
    if (settings.quota == QuotaMode::Enforce) {
        auto counted = ports_.budgets.countToken(*decision.client, now);
        if (!counted) return withContext(oauthErrorOf(counted.error()), request, decision.budget);
        if (!counted->allowed) return withContext(oauthError(OauthCode::QuotaExceeded, {}, "quota_exceeded"), request, decision.budget);
    }
    return decision;
}

OauthResult<model::Grant> TokenEndpoint::grantFor(const TokenRequest& request, const Client& client, const TokenSettings& settings,
                                                  Policy* policy) const {
    const auto grant = std::find_if(grants_.begin(), grants_.end(), [&](const auto& known) { return known->name() == request.grantType; });
    if (grant == grants_.end()) return oauthError(OauthCode::UnsupportedGrantType, {}, "unsupported_grant_type");
    auto granted = (*grant)->decide({request, client, settings});
    if (!granted || policy == nullptr) return granted;
    const auto narrowing = policy->scopes(client, request, *granted);
    if (!narrowing) return narrowing.refusal();
    granted = narrowed(*std::move(granted), *narrowing, settings.issuer);
    if (!granted) return granted;
    auto claims = policy->claims(client, *granted);
    if (!claims) return std::move(claims).refusal();
    granted->claimsJson = *std::move(claims);
    return granted;
}

}  // namespace agentidp::oauth
