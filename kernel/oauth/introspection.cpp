#include "oauth/introspection.h"

#include <algorithm>

#include "base/json.h"

namespace agentidp::oauth {
namespace {

constexpr std::string_view kScope = "tokens:introspect";

bool maySee(const model::Caller& caller, const TokenVerdict& verdict) {
    const auto& claims = *verdict.claims;
    const auto& self = caller.agentId.str();
    if (claims.clientId == self || claims.subject == self) return true;
    if (std::find(claims.audience.begin(), claims.audience.end(), self) != claims.audience.end()) return true;
    return caller.holds(kScope) && verdict.client->organization.num == caller.organizationNum;
}

}  // namespace

OauthResult<IntrospectionRequest> parseIntrospectionRequest(const RawRequest& request) {
    auto form = Form::parse(request);
    if (!form) return std::move(form).refusal();
    IntrospectionRequest out;
    if (request.authorization && isBearer(*request.authorization)) {
        if (form->has("client_secret") || form->has("client_assertion"))
            return oauthError(OauthCode::InvalidRequest, "a caller must authenticate in one way only", "two_methods");
        out.bearer = std::string(*request.authorization);
    } else {
        auto client = presentedClient(request, *form);
        if (!client) return std::move(client).refusal();
        out.client = *std::move(client);
    }
    const auto* token = form->find("token");
    if (token == nullptr) return oauthError(OauthCode::InvalidRequest, "token is missing", "malformed");
    out.token = *token;
    return out;
}

OauthResult<model::Caller> Introspection::authenticate(const IntrospectionRequest& request, base::Instant now,
                                                       model::Mutation& rehash) const {
    if (!request.bearer) {
        auto client = clients_.authenticate(request.client, now);
        if (!client) return std::move(client).refusal();
        rehash = std::move(client->rehash);
        return callerOf(*client->client);
    }
    auto caller = bearer_.authenticate(*request.bearer, now);
    if (!caller) {
        const auto& refusal = caller.refusal();
        if (refusal.problem.code != model::ProblemCode::Unauthorized)
            return oauthErrorOf(base::fail(base::Errc::Unavailable, {}, refusal.problem.logDetail));
        auto error = oauthError(OauthCode::InvalidToken, {}, refusal.reason);
        error.challenge = Challenge::Bearer;
        error.claimedClient = refusal.claimedClient;
        return error;
    }
    if (!caller->holds(kScope)) {
        auto error = oauthError(OauthCode::InsufficientScope, {}, "insufficient_scope");
        error.challenge = Challenge::Bearer;
        error.requiredScope = kScope;
        error.claimedClient = caller->agentId.str();
        return error;
    }
    return *std::move(caller);
}

OauthResult<IntrospectionDecision> Introspection::decide(const IntrospectionRequest& request, base::Instant now) const {
    IntrospectionDecision decision;
    auto caller = authenticate(request, now, decision.rehash);
    if (!caller) return std::move(caller).refusal();
    auto verdict = verifier_.verify(request.token, now);
    if (!verdict) return oauthErrorOf(verdict.error());
    decision.caller = *std::move(caller);
    if (verdict->state == TokenState::Active && maySee(decision.caller, *verdict)) decision.claims = verdict->claims;
    decision.answer = jsonAnswer(200, introspectionBody(decision.claims.get()));
    return decision;
}

std::string introspectionBody(const AccessClaims* claims) {
    if (claims == nullptr) return R"({"active":false})";
    std::string body;
    body.reserve(512 + claims->scope.size());
    base::json::Writer writer(body);
    writer.beginObject().key("active").boolean(true);
    writer.key("scope").text(claims->scope).key("client_id").text(claims->clientId).key("token_type").text("Bearer");
    writer.key("exp").number(claims->expiresAt).key("iat").number(claims->issuedAt).key("nbf").number(claims->notBefore);
    writer.key("sub").text(claims->subject);
    writer.key("aud");
    if (claims->audience.size() == 1) {
        writer.text(claims->audience.front());
    } else {
        writer.beginArray();
        for (const auto& audience : claims->audience) writer.text(audience);
        writer.endArray();
    }
    writer.key("iss").text(claims->issuer).key("jti").text(claims->jti).key("organization_id").text(claims->organizationId);
    writer.endObject();
    return body;
}

}  // namespace agentidp::oauth
