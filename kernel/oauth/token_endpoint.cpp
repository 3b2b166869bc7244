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

OauthResult<TokenDecision> TokenEndpoint::decide(const TokenRequest& request, const TokenSettings& settings, base::Instant now) const {
    // Only a proven client is charged: a stranger who knows a client_id must not be able to spend its budget.
    auto authenticated = authenticator_.authenticate(request.client, now);
    if (!authenticated) return std::move(authenticated).refusal();
    TokenDecision decision;
    decision.client = authenticated->client;
    decision.credentialId = authenticated->credentialId;
    decision.touchCredential = authenticated->touch;
    decision.rehash = std::move(authenticated->rehash);

    auto taken = ports_.budgets.takeRequest(*decision.client, now);
    if (!taken) return oauthErrorOf(taken.error());
    decision.budget = taken->state;
    if (!taken->allowed) return withContext(tooMany(taken->state, now), request, decision.budget);

    const auto grant = std::find_if(grants_.begin(), grants_.end(), [&](const auto& known) { return known->name() == request.grantType; });
    if (grant == grants_.end())
        return withContext(oauthError(OauthCode::UnsupportedGrantType, {}, "unsupported_grant_type"), request, decision.budget);
    auto granted = (*grant)->decide({request, *decision.client, settings});
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

}  // namespace agentidp::oauth
