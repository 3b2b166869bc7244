#include "server/mint_handler.h"

namespace agentidp::server {
namespace {

/// What is parsed and hashed on an event loop; larger bodies are the pool's.
constexpr std::size_t kLoopBody = 8U << 10U;

void refuse(const ExchangePtr& exchange, const macp::MintRefusal& refusal) { answer(exchange, macp::render(refusal)); }

std::optional<std::string_view> fieldOf(const http::Request& request, std::string_view name) {
    // Of two such fields nobody knows which one the caller meant.
    if (request.headers.count(name) != 1) return std::nullopt;
    return std::string_view(*request.headers.find(name));
}

}  // namespace

MintHandler::MintHandler(Rooms rooms, MintLimits limits)
    : rooms_(std::move(rooms)),
      count_(rooms_.metrics.counter(observe::Metric::MacpTokensMintedTotal, {std::string(macp::nameOf(rooms_.gate.auth()))})) {
    configure(limits);
}

void MintHandler::configure(MintLimits limits) { *limits_.lock() = std::make_shared<const MintLimits>(limits); }

std::shared_ptr<const MintLimits> MintHandler::limits() { return *limits_.lock(); }

void MintHandler::bind(Endpoints& endpoints) {
    endpoints.bind(RouteId::MintTokens, [this](const ExchangePtr& exchange) { tokens(exchange); });
    endpoints.bind(RouteId::MintHealth, [this](const ExchangePtr& exchange) { health(exchange); });
}

void MintHandler::health(const ExchangePtr& exchange) const {
    if (const auto key = rooms_.signer.current(); !key) return refuse(exchange, macp::refusalOf(key.error()));
    answer(exchange, macp::answerOf(200, R"({"ok":true})"));
}

void MintHandler::tokens(const ExchangePtr& exchange) {
    const bool nothingWaits =
        rooms_.gate.auth() != macp::MintAuth::Bearer && !rooms_.budgets.blocks() && exchange->request.body.size() <= kLoopBody;
    const auto lane = laneOfAddress(exchange->context.origin.ip);
    if (!rooms_.workplaces.run(nothingWaits ? rooms_.workplaces.signing() : Place::Pool, lane, [this, exchange] { decide(exchange); }))
        refuse(exchange, macp::refusalOf(base::fail(base::Errc::Unavailable, {}, "the pool's queue is full")));
}

macp::MintResult<macp::MintCaller> MintHandler::admit(const ExchangePtr& exchange) {
    auto& context = exchange->context;
    const auto& request = exchange->request;
    if (rooms_.gate.auth() != macp::MintAuth::None)
        if (const auto wait = rooms_.failures.blockedFor(context.origin.ip, context.origin.at)) return macp::tooManyRequests(*wait);
    auto caller =
        rooms_.gate.admit({fieldOf(request, "Authorization"), request.peer.clientCertificateDer, context.origin.ip}, context.origin.at);
    if (!caller) {
        const auto& refusal = caller.refusal();
        if (!refusal.reason.empty()) rooms_.failed({refusal.claimedClient, refusal.reason, nullptr, context.origin});
        return caller;
    }
    const auto most = limits()->perMinute;
    if (most == 0) return caller;
    const auto taken = rooms_.budgets.takeRequest(model::AgentId("mint:" + caller->budget), most, context.origin.at);
    if (!taken) return macp::refusalOf(taken.error());
    context.budget = taken->state;
    if (!taken->allowed) return macp::tooManyRequests(std::chrono::ceil<base::seconds>(taken->state.resetAt - context.origin.at));
    return caller;
}

macp::MintResult<macp::MintedToken> MintHandler::minted(const ExchangePtr& exchange) {
    const auto caller = admit(exchange);
    if (!caller) return caller.refusal();
    const auto request = macp::parseMintRequest({fieldOf(exchange->request, "Content-Type"), exchange->request.body}, limits()->ttl);
    if (!request) return request.refusal();
    return rooms_.mint.mint(*request, *caller, exchange->context.origin);
}

void MintHandler::decide(const ExchangePtr& exchange) {
    auto token = minted(exchange);
    if (!token) return refuse(exchange, token.refusal());
    base::wipe(token->token.data(), token->token.size());
    audit::Effect effect;
    effect.events.push_back(std::move(token->event));
    rooms_.ledger.append(std::move(effect),
                         [this, exchange, answered = std::move(token->answer)](const base::Result<audit::Committed>& committed) mutable {
                             if (!committed) {
                                 base::wipe(answered.body.data(), answered.body.size());
                                 return refuse(exchange, macp::refusalOf(committed.error()));
                             }
                             count_.add();
                             answer(exchange, std::move(answered));
                         });
}

}  // namespace agentidp::server
