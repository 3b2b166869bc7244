#include "oauth/bearer.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "oauth/form.h"

namespace agentidp::oauth {
namespace {

constexpr std::string_view kScheme = "Bearer";

/// b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
bool isTokenText(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~+/=").find(c) != std::string_view::npos;
    });
}

/// "If the request lacks any authentication information [...] the resource server SHOULD NOT include an error code"
/// (RFC 6750 section 3.1): `error` is empty then.
BearerRefusal unauthorized(std::string detail, std::string_view error, std::string reason) {
    BearerRefusal refusal;
    refusal.problem = model::problem(model::ProblemCode::Unauthorized, std::move(detail));
    std::string challenge = "Bearer realm=\"agentidp\"";
    if (!error.empty()) challenge.append(", error=\"").append(error).append("\"");
    refusal.problem.headers.emplace_back("WWW-Authenticate", std::move(challenge));
    refusal.reason = std::move(reason);
    return refusal;
}

}  // namespace

bool isBearer(std::string_view authorization) {
    return authorization.size() >= kScheme.size() && base::equalIgnoreCase(authorization.substr(0, kScheme.size()), kScheme) &&
           (authorization.size() == kScheme.size() || authorization[kScheme.size()] == ' ');
}

std::optional<std::string_view> bearerToken(std::string_view authorization) {
    if (!isBearer(authorization) || authorization.size() > kMaxTokenLength) return std::nullopt;
    const auto token = base::trim(authorization.substr(kScheme.size()));
    if (!isTokenText(token)) return std::nullopt;
    return token;
}

model::Decided<model::Caller, BearerRefusal> BearerAuth::authenticate(std::optional<std::string_view> authorization,
                                                                      base::Instant now) const {
    if (!authorization || !isBearer(*authorization)) return unauthorized("this needs Authorization: Bearer <access token>", {}, "no_token");
    const auto token = bearerToken(*authorization);
    if (!token) return unauthorized("the Authorization field is malformed", "invalid_token", "malformed");
    auto verdict = verifier_.verify(*token, now);
    if (!verdict) {
        BearerRefusal refusal;
        refusal.problem = model::problemOf(verdict.error());
        refusal.reason = "unavailable";
        return refusal;
    }
    if (verdict->state != TokenState::Active) {
        auto refusal =
            unauthorized("the access token is expired, revoked or not valid here", "invalid_token", std::string(nameOf(verdict->state)));
        if (verdict->claims) refusal.claimedClient = verdict->claims->clientId;
        return refusal;
    }
    auto caller = callerOf(*verdict->client);
    // What was taken from the agent meanwhile is gone from its older tokens too.
    model::ScopeSet held;
    const auto& allowed = caller.scopes;
    const auto& scopes = verdict->claims->scopes;
    std::set_intersection(scopes.begin(), scopes.end(), allowed.begin(), allowed.end(), std::back_inserter(held));
    caller.scopes = std::move(held);
    return caller;
}

}  // namespace agentidp::oauth
