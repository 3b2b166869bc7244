#pragma once
/// @file kernel/macp/refusal.h
/// How the mint says no: `{"error":"..."}` and nothing else. Clients of the mint compare these sentences, so each stands in one place.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/answer.h"
#include "model/decided.h"
#include "model/problem.h"

namespace agentidp::macp {

struct MintRefusal {
    int status = 400;
    std::string error;
    std::vector<std::pair<std::string, std::string>> headers;  ///< Retry-After, WWW-Authenticate
    std::string reason;  ///< for auth.failed and metrics; empty where nobody failed to prove who they are
    std::string claimedClient;
};
template <class T>
using MintResult = model::Decided<T, MintRefusal>;

/// The media type of every answer of the mint, and of the JWKS where the mint is on.
inline constexpr std::string_view kMediaType = "application/json; charset=utf-8";
inline constexpr std::string_view kBodyTooLarge = "request body too large";

[[nodiscard]] MintRefusal refusal(int status, std::string_view error);
[[nodiscard]] MintRefusal tooManyRequests(base::seconds wait);
/// A port that failed: 503 with Retry-After where it may pass, else 500. Details stay in the log.
[[nodiscard]] MintRefusal refusalOf(const base::Error& error);
/// A refusal of the steps before the mint (TLS, budgets, queues) in its words.
[[nodiscard]] MintRefusal refusalOf(const model::Problem& problem);

[[nodiscard]] model::Answer answerOf(int status, std::string body);
[[nodiscard]] model::Answer render(const MintRefusal& refusal);

}  // namespace agentidp::macp
