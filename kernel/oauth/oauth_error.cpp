#include "oauth/oauth_error.h"

#include <algorithm>

#include "base/json.h"
#include "model/problem.h"

namespace agentidp::oauth {
namespace {

struct Row {
    OauthCode code;
    std::string_view error;
    int status;
    std::string_view description;
};

/// The table. Descriptions stay within the characters RFC 6749 section 5.2 allows (no quote, no backslash, ASCII).
constexpr Row kTable[] = {
    {OauthCode::InvalidRequest, "invalid_request", 400, "the request is malformed"},
    {OauthCode::InvalidClient, "invalid_client", 401, "client authentication failed"},
    {OauthCode::InvalidGrant, "invalid_grant", 400, "the grant is not valid"},
    {OauthCode::UnauthorizedClient, "unauthorized_client", 400, "the client may not do this"},
    {OauthCode::UnsupportedGrantType, "unsupported_grant_type", 400, "this grant type is not offered"},
    {OauthCode::InvalidScope, "invalid_scope", 400, "a requested scope is unknown, malformed or not granted to this client"},
    {OauthCode::InvalidTarget, "invalid_target", 400, "the requested resource is not served by this issuer"},
    {OauthCode::AccessDenied, "access_denied", 403, "the request was refused by policy"},
    {OauthCode::QuotaExceeded, "access_denied", 403, "the monthly token quota of this client is used up"},
    {OauthCode::InvalidToken, "invalid_token", 401, "the access token is expired, revoked or not valid here"},
    {OauthCode::InsufficientScope, "insufficient_scope", 403, "the access token lacks a scope this needs"},
    {OauthCode::TooManyRequests, "temporarily_unavailable", 429, "too many requests"},
    {OauthCode::TemporarilyUnavailable, "temporarily_unavailable", 503, "not available now, trying again may help"},
    {OauthCode::ServerError, "server_error", 500, "something is wrong here"},
};

const Row& rowOf(OauthCode code) {
    return *std::find_if(std::begin(kTable), std::end(kTable), [&](const Row& row) { return row.code == code; });
}

std::string bearerChallenge(const OauthError& error) {
    std::string value = "Bearer realm=\"agentidp\"";
    if (error.code == OauthCode::InvalidToken || error.code == OauthCode::InsufficientScope)
        value.append(", error=\"").append(errorOf(error.code)).append("\"");
    if (!error.requiredScope.empty()) value.append(", scope=\"").append(error.requiredScope).append("\"");
    return value;
}

}  // namespace

std::string_view errorOf(OauthCode code) { return rowOf(code).error; }
int statusOf(OauthCode code) { return rowOf(code).status; }
std::string_view descriptionOf(OauthCode code) { return rowOf(code).description; }

OauthError oauthError(OauthCode code, std::string description, std::string reason) {
    OauthError error;
    error.code = code;
    error.description = std::move(description);
    error.reason = std::move(reason);
    return error;
}

OauthError oauthErrorOf(const base::Error& error) {
    const bool passing = error.code == base::Errc::Unavailable || error.code == base::Errc::Deadline || error.code == base::Errc::TooMany;
    auto out = oauthError(passing ? OauthCode::TemporarilyUnavailable : OauthCode::ServerError, {}, passing ? "unavailable" : "internal");
    out.logDetail = error.detail.empty() ? error.hint : error.detail;
    if (passing) out.retryAfter = base::seconds(1);
    return out;
}

void appendBudgetHeaders(model::Answer& answer, const BudgetState& budget) {
    answer.headers.emplace_back("X-RateLimit-Limit", std::to_string(budget.limit));
    answer.headers.emplace_back("X-RateLimit-Remaining", std::to_string(budget.remaining));
    answer.headers.emplace_back("X-RateLimit-Reset", std::to_string(base::epochSecondsOf(budget.resetAt)));
}

model::Answer jsonAnswer(int status, std::string body) {
    model::Answer answer;
    answer.status = status;
    answer.headers.reserve(8);
    answer.headers.emplace_back("Content-Type", "application/json");
    answer.headers.emplace_back("Cache-Control", "no-store");
    answer.headers.emplace_back("Pragma", "no-cache");
    answer.body = std::move(body);
    return answer;
}

model::Answer render(const OauthError& error) {
    const Row& row = rowOf(error.code);
    std::string body;
    base::json::Writer writer(body);
    writer.beginObject().key("error").text(row.error);
    writer.key("error_description").text(error.description.empty() ? row.description : std::string_view(error.description));
    if (error.code == OauthCode::QuotaExceeded) writer.key("code").text(model::nameOf(model::ProblemCode::QuotaExceeded));
    writer.endObject();
    auto answer = jsonAnswer(row.status, std::move(body));
    if (error.challenge == Challenge::Basic) answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"agentidp\", charset=\"UTF-8\"");
    if (error.challenge == Challenge::Bearer) answer.headers.emplace_back("WWW-Authenticate", bearerChallenge(error));
    if (error.retryAfter) answer.headers.emplace_back("Retry-After", std::to_string(error.retryAfter->count()));
    if (error.budget) appendBudgetHeaders(answer, *error.budget);
    return answer;
}

}  // namespace agentidp::oauth
