#include "server/exchange.h"

#include "macp/refusal.h"

namespace agentidp::server {
namespace {

model::Answer worded(const Exchange& exchange, const model::Problem& problem) {
    if (exchange.context.voice == Voice::Mint) return macp::render(macp::refusalOf(problem));
    return model::render(problem, {exchange.request.path, exchange.context.origin.requestId, kProblemTypeBase});
}

}  // namespace

const Route* Endpoints::unbound(MintRoutes mint) const {
    for (const auto& route : allRoutes())
        if (!at(route.id) && (mint == MintRoutes::On || !isMint(route.id))) return &route;
    return nullptr;
}

http::Response responseOf(model::Answer&& answer) {
    http::Response response;
    response.status = answer.status;
    response.body = std::move(answer.body);
    constexpr std::size_t kOfThePipeline = 8;  // request id, CORS
    response.headers.reserve(answer.headers.size() + kOfThePipeline);
    for (auto& [name, value] : answer.headers) response.headers.add({std::move(name), std::move(value)});
    return response;
}

http::Response responseOf(const Exchange& exchange, const model::Problem& problem) { return responseOf(worded(exchange, problem)); }

void answer(const ExchangePtr& exchange, model::Answer&& answer) {
    if (exchange->context.budget) oauth::appendBudgetHeaders(answer, *exchange->context.budget);
    exchange->answer(responseOf(std::move(answer)));
}

void refuse(const ExchangePtr& exchange, const model::Problem& problem) { answer(exchange, worded(*exchange, problem)); }

}  // namespace agentidp::server
