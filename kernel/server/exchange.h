#pragma once
/// @file kernel/server/exchange.h
/// One request on its way through the pipeline, and the ways it is answered.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/pipeline.h"
#include "model/answer.h"
#include "model/caller.h"
#include "model/problem.h"
#include "oauth/auth_failures.h"
#include "oauth/oauth_error.h"
#include "server/routes.h"

namespace agentidp::server {

/// In whose words a request is refused.
enum class Voice {
    Api,   ///< problem+json
    Mint,  ///< {"error":"..."}
};

/// What the steps learn of a request, in the order they learn it.
struct Context {
    model::Origin origin;
    Voice voice = Voice::Api;
    const Route* route = nullptr;         ///< null where the table has none
    std::vector<std::string> parameters;  ///< values of the pattern's :names, in order
    std::optional<model::Caller> caller;  ///< set behind bearer authentication
    std::optional<oauth::BudgetState> budget;
};
using Exchange = http::Exchange<Context>;
using ExchangePtr = std::shared_ptr<Exchange>;
/// Answers the exchange, now or from any thread later, exactly once.
using Endpoint = std::function<void(const ExchangePtr&)>;

/// Hears of every failed authentication: one place for the ledger, the metric and the address budget. Any thread.
using FailureSink = std::function<void(const oauth::AuthFailure&)>;

/// What is bound to the table of routes. A route without an endpoint is a bug that ends the start.
class Endpoints {
public:
    Endpoints() : bound_(allRoutes().size()) {}
    void bind(RouteId id, Endpoint endpoint) { bound_[static_cast<std::size_t>(id)] = std::move(endpoint); }
    [[nodiscard]] const Endpoint& at(RouteId id) const { return bound_[static_cast<std::size_t>(id)]; }
    /// The first route that is served and that nobody bound, or null.
    [[nodiscard]] const Route* unbound(MintRoutes mint = MintRoutes::On) const;

private:
    std::vector<Endpoint> bound_;
};

[[nodiscard]] http::Response responseOf(model::Answer&& answer);
[[nodiscard]] http::Response responseOf(const Exchange& exchange, const model::Problem& problem);
/// Sends the answer, with the state of the caller's budget where it has one. Any thread.
void answer(const ExchangePtr& exchange, model::Answer&& answer);
/// Sends a refusal, in the voice of the exchange.
void refuse(const ExchangePtr& exchange, const model::Problem& problem);

/// Where the documentation of error codes stands.
inline constexpr std::string_view kProblemTypeBase = "https://agentidp.dev/docs/errors#";

}  // namespace agentidp::server
