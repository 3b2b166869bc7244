#pragma once
/// @file kernel/oauth/oauth_error.h
/// Every refusal of an OAuth endpoint (RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 8707). The .cpp holds the one table
/// code -> `error`, status, description. Answers carry Cache-Control: no-store.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "model/answer.h"
#include "model/decided.h"

namespace agentidp::oauth {

struct Client;

enum class OauthCode {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    InvalidTarget,
    AccessDenied,            ///< 403: a hook said no
    QuotaExceeded,           ///< 403, `access_denied` with `"code":"QUOTA_EXCEEDED"`
    InvalidToken,            ///< 401: the bearer token of an introspecting caller
    InsufficientScope,       ///< 403: the same, without tokens:introspect
    TooManyRequests,         ///< 429, `temporarily_unavailable`
    TemporarilyUnavailable,  ///< 503
    ServerError,
};
[[nodiscard]] std::string_view errorOf(OauthCode code);  ///< "invalid_request"
[[nodiscard]] int statusOf(OauthCode code);
[[nodiscard]] std::string_view descriptionOf(OauthCode code);

/// What the client is told to authenticate with.
enum class Challenge { None, Basic, Bearer };

/// State of a rate limit after a request, for the X-RateLimit headers.
struct BudgetState {
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    base::Instant resetAt;
};

struct OauthError {
    OauthCode code = OauthCode::ServerError;
    std::string description;  ///< for the client; empty: the table's
    Challenge challenge = Challenge::None;
    std::string reason;                    ///< bounded word for metrics and the ledger ("wrong_secret"); never sent
    std::string logDetail;                 ///< never sent
    std::string claimedClient;             ///< whom the caller said to be, where that is known
    std::shared_ptr<const Client> client;  ///< the agent of that name, where there is one: the subject of auth.failed
    std::optional<base::seconds> retryAfter;
    std::optional<BudgetState> budget;
    std::string requiredScope;  ///< for InsufficientScope
};

template <class T>
using OauthResult = model::Decided<T, OauthError>;

[[nodiscard]] OauthError oauthError(OauthCode code, std::string description = {}, std::string reason = {});
/// A port that failed: Unavailable, Deadline and TooMany are 503 with Retry-After, everything else 500.
[[nodiscard]] OauthError oauthErrorOf(const base::Error& error);

/// X-RateLimit-Limit, -Remaining, -Reset (epoch seconds).
void appendBudgetHeaders(model::Answer& answer, const BudgetState& budget);
/// Headers common to all answers of these endpoints: JSON, no-store, no-cache.
[[nodiscard]] model::Answer jsonAnswer(int status, std::string body);
[[nodiscard]] model::Answer render(const OauthError& error);

}  // namespace agentidp::oauth
