#include "oauth/revocation.h"

#include "base/json.h"

namespace agentidp::oauth {
namespace {

bool mayRevoke(const model::Caller& caller, const TokenVerdict& verdict) {
    if (verdict.claims->clientId == caller.agentId.str()) return true;
    return caller.holds("tokens:revoke") && verdict.client && verdict.client->organization.num == caller.organizationNum;
}

model::Mutation revoke(const model::Caller& caller, const TokenVerdict& verdict, const model::Origin& origin) {
    const auto& claims = *verdict.claims;
    model::Mutation mutation;
    mutation.changes.emplace_back(model::RevokeToken{model::Jti(claims.jti), base::Instant(base::seconds(claims.expiresAt)), origin.at});
    auto event = model::beginEvent(model::Action::TokenRevoked, model::Outcome::Success, origin, caller.actor());
    model::setSubject(event, verdict.client->agent);
    event.jti = claims.jti;
    event.metadataJson.clear();
    base::json::Writer(event.metadataJson).beginObject().key("expiresAt").number(claims.expiresAt).key("kid").text(claims.kid).endObject();
    mutation.events.push_back(std::move(event));
    return mutation;
}

}  // namespace

OauthResult<RevocationRequest> parseRevocationRequest(const RawRequest& request) {
    auto form = Form::parse(request);
    if (!form) return std::move(form).refusal();
    auto client = presentedClient(request, *form);
    if (!client) return std::move(client).refusal();
    const auto* token = form->find("token");
    if (token == nullptr) return oauthError(OauthCode::InvalidRequest, "token is missing", "malformed");
    return RevocationRequest{*token, *std::move(client)};
}

OauthResult<RevocationDecision> Revocation::decide(const RevocationRequest& request, const model::Origin& origin) const {
    auto client = clients_.authenticate(request.client, origin.at);
    if (!client) return std::move(client).refusal();
    auto verdict = verifier_.verify(request.token, origin.at);
    if (!verdict) return oauthErrorOf(verdict.error());
    RevocationDecision decision;
    decision.caller = callerOf(*client->client);
    decision.rehash = std::move(client->rehash);
    decision.claims = verdict->claims;
    decision.answer = jsonAnswer(200, "{}");
    // NotYet becomes Active by itself, so it can be revoked as well; every other state can never be active again.
    const bool alive = verdict->state == TokenState::Active || verdict->state == TokenState::NotYet;
    if (verdict->state == TokenState::Revoked) decision.kind = RevocationKind::Repeat;
    if (!alive) return decision;
    if (!mayRevoke(decision.caller, *verdict)) {
        auto error = oauthError(OauthCode::UnauthorizedClient, "the token was issued to another client", "not_own_token");
        error.claimedClient = decision.caller.agentId.str();
        return error;
    }
    decision.kind = RevocationKind::Revoke;
    decision.mutation = revoke(decision.caller, *verdict, origin);
    return decision;
}

}  // namespace agentidp::oauth
