#include "server/pipeline.h"

#include <algorithm>
#include <unordered_map>

#include "base/guarded.h"
#include "base/ids.h"
#include "base/json.h"
#include "macp/refusal.h"
#include "server/workplaces.h"

namespace agentidp::server {
namespace {

using http::Flow;
using model::ProblemCode;

constexpr std::size_t kMaxRequestId = 64;
constexpr std::string_view kJwks = "/.well-known/jwks.json";

bool isOperations(RouteId id) {
    return id == RouteId::Health || id == RouteId::Livez || id == RouteId::Readyz || id == RouteId::MetricsText;
}

bool isHealthCheck(RouteId id) { return isOperations(id) || id == RouteId::MintHealth; }

bool serves(Surface surface, MintRoutes mint, RouteId id) {
    if (isMint(id)) return mint == MintRoutes::On && surface != Surface::Operations;
    switch (surface) {
        case Surface::Everything: return true;
        case Surface::Public: return !isOperations(id);
        case Surface::Operations: return isOperations(id);
    }
    return false;
}

/// A caller's own request id is kept where it can neither break a log line nor fill it.
bool isRequestId(std::string_view text) {
    return !text.empty() && text.size() <= kMaxRequestId && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
}

std::optional<std::string_view> authorizationOf(const http::Request& request) {
    const auto* field = request.headers.find("Authorization");
    if (field == nullptr) return std::nullopt;
    return std::string_view(*field);
}

model::Problem rateLimited(base::seconds wait) {
    auto problem = model::problem(ProblemCode::RateLimited, "wait before the next request");
    problem.headers.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(1, wait.count())));
    return problem;
}

struct Observed {
    observe::Counter requests;
    observe::Histogram seconds;
};

}  // namespace

struct Front::Impl {
    Rooms rooms;
    std::vector<const Route*> table;
    http::Router router;
    MintRoutes mint;
    base::SharedGuarded<std::shared_ptr<const PipelineSettings>> settings;
    base::SharedGuarded<std::unordered_map<std::uint64_t, Observed>> observed;
    std::unique_ptr<http::Pipeline<Context>> pipeline;

    Impl(Rooms given, std::vector<const Route*> routes, http::Router made, MintRoutes mints, PipelineSettings first)
        : rooms(std::move(given)),
          table(std::move(routes)),
          router(std::move(made)),
          mint(mints),
          settings(std::make_shared<const PipelineSettings>(std::move(first))) {
        http::Plan<Context> plan;
        const auto step = [this](Flow (Impl::*run)(const ExchangePtr&)) {
            return [this, run](const ExchangePtr& exchange) { return (this->*run)(exchange); };
        };
        plan.steps = {
            {"identify", step(&Impl::identify)},          // first: every answer and log line carries the request id
            {"require-tls", step(&Impl::requireTls)},     // before anything of the request is believed
            {"route", step(&Impl::route)},                // what is not in the table costs nothing further
            {"address-budget", step(&Impl::address)},     // before credentials are looked at, or guessing would be free
            {"leave-the-loop", step(&Impl::leaveLoop)},   // what may block does so on the pool, from here on
            {"authenticate", step(&Impl::authenticate)},  // who calls, for routes that want a bearer
            {"authorize", step(&Impl::authorize)},        // the route's scope, before a budget is spent on it
            {"limit", step(&Impl::limit)},                // the caller's own minute
            {"take-turns", step(&Impl::takeTurns)},       // organizations share the pool by turns, whatever one of them sends
            {"run", step(&Impl::run)},
        };
        plan.departures = {{"observe", [this](Exchange& exchange, http::Response& response) { observe(exchange, response); }}};
        plan.bug = [this](Exchange& exchange, const std::exception& thrown) {
            rooms.log.write(observe::Message::INTERNAL_ERROR,
                            {{"requestId", exchange.context.origin.requestId}, {"step", exchange.step()}, {"what", thrown.what()}});
            rooms.metrics.counter(observe::Metric::BugsTotal).add();
            return responseOf(exchange,
                              model::problem(ProblemCode::Internal, "something is wrong here; the request id finds it in the log"));
        };
        plan.lost = [this](Exchange& exchange) {
            rooms.log.write(observe::Message::INTERNAL_ERROR,
                            {{"requestId", exchange.context.origin.requestId}, {"step", exchange.step()}, {"what", "nobody answered"}});
            rooms.metrics.counter(observe::Metric::BugsTotal).add();
            return responseOf(exchange,
                              model::problem(ProblemCode::Internal, "something is wrong here; the request id finds it in the log"));
        };
        pipeline = std::make_unique<http::Pipeline<Context>>(std::move(plan));
    }

    std::shared_ptr<const PipelineSettings> current() { return *settings.read(); }

    Flow refused(const ExchangePtr& exchange, const model::Problem& problem) {
        refuse(exchange, problem);
        return Flow::Taken;
    }

    Flow identify(const ExchangePtr& exchange) {
        auto& origin = exchange->context.origin;
        const auto* given = exchange->request.headers.find("X-Request-Id");
        origin.at = rooms.clock.now();
        origin.requestId = given != nullptr && isRequestId(*given) ? *given : base::uuidV7(origin.at);
        origin.ip = exchange->request.peer.address;
        if (const auto* agent = exchange->request.headers.find("User-Agent")) origin.userAgent = *agent;
        exchange->extra.add("X-Request-Id", origin.requestId);
        if (mint == MintRoutes::On && isMintPath(exchange->request.path)) exchange->context.voice = Voice::Mint;
        return Flow::Pass;
    }

    Flow requireTls(const ExchangePtr& exchange) {
        if (!current()->requireTls || exchange->request.peer.tls) return Flow::Pass;
        const auto found = router.match(http::Method::Get, exchange->request.path);
        if (found.kind == http::RouteMatch::Kind::Found && isHealthCheck(table[found.route]->id)) return Flow::Pass;
        return refused(exchange, model::problem(ProblemCode::Forbidden, "this server answers over TLS only"));
    }

    Flow route(const ExchangePtr& exchange) {
        const auto& request = exchange->request;
        auto found = router.match(request.method, request.path);
        using Kind = http::RouteMatch::Kind;
        auto& voice = exchange->context.voice;
        if (mint == MintRoutes::On && found.kind == Kind::NoSuchMethod && found.pattern == kJwks && request.method != http::Method::Options)
            voice = Voice::Mint;
        // The mint knows no other methods, and no script of another origin may mint: it gets no CORS fields either.
        if (voice == Voice::Mint && found.kind != Kind::Found)
            return refused(exchange, model::problem(ProblemCode::NotFound, "there is no such route"));
        if (voice == Voice::Api) allowOrigins(exchange, found);
        switch (found.kind) {
            case Kind::Found: break;
            case Kind::NoSuchPath: return refused(exchange, model::problem(ProblemCode::NotFound, "there is no such route"));
            case Kind::NoSuchMethod: {
                // Browsers ask with OPTIONS; an origin that is not allowed gets the same 204 and no permission.
                if (request.method == http::Method::Options) {
                    exchange->answer(http::Response{204, {}, {}, false});
                    return Flow::Taken;
                }
                auto problem = model::problem(ProblemCode::MethodNotAllowed, "this route does not serve that method");
                problem.headers.emplace_back("Allow", found.allow);
                return refused(exchange, problem);
            }
        }
        exchange->context.route = table[found.route];
        for (auto& [name, value] : found.params) exchange->context.parameters.push_back(std::move(value));
        // Two Authorization fields: whichever were taken, somebody in between may have taken the other.
        if (request.headers.count("Authorization") > 1)
            return refused(exchange, model::problem(ProblemCode::ValidationError, "more than one Authorization field"));
        return Flow::Pass;
    }

    void allowOrigins(const ExchangePtr& exchange, const http::RouteMatch& found) {
        const auto& request = exchange->request;
        const auto cors =
            current()->cors.decide(request, found.kind == http::RouteMatch::Kind::Found ? allowOf(request.path) : found.allow);
        for (const auto& header : cors.headers) exchange->extra.add(header.name, header.value);
    }

    std::string allowOf(std::string_view path) { return router.match(http::Method::Other, path).allow; }

    Flow address(const ExchangePtr& exchange) {
        const auto authentication = exchange->context.route->authentication;
        // An open mint has nothing to guess: the mint asks for itself.
        if (authentication == Authentication::Public || authentication == Authentication::Mint) return Flow::Pass;
        const auto wait = rooms.failures.blockedFor(exchange->context.origin.ip, exchange->context.origin.at);
        if (!wait) return Flow::Pass;
        if (authentication == Authentication::Bearer) return refused(exchange, rateLimited(*wait));
        auto error = oauth::oauthError(oauth::OauthCode::TooManyRequests, "too many failed authentications from this address");
        error.retryAfter = *wait;
        answer(exchange, oauth::render(error));
        return Flow::Taken;
    }

    Flow leaveLoop(const ExchangePtr& exchange) {
        if (exchange->context.route->runs != Runs::Pool) return Flow::Pass;
        return resumeOnPool(exchange, laneOfAddress(exchange->context.origin.ip));
    }

    Flow takeTurns(const ExchangePtr& exchange) {
        const auto& context = exchange->context;
        if (context.route->runs != Runs::Pool || !context.caller) return Flow::Pass;
        return resumeOnPool(exchange, laneOfOrganization(context.caller->organizationNum));
    }

    Flow resumeOnPool(const ExchangePtr& exchange, base::ThreadPool::Lane lane) {
        if (!rooms.pool.post([exchange] { exchange->resume(); }, lane))
            return refused(exchange, model::unavailable("the pool's queue is full"));
        return Flow::Taken;
    }

    Flow authenticate(const ExchangePtr& exchange) {
        if (exchange->context.route->authentication != Authentication::Bearer) return Flow::Pass;
        auto caller = rooms.bearer.authenticate(authorizationOf(exchange->request), exchange->context.origin.at);
        if (!caller) {
            if (caller.refusal().problem.code == ProblemCode::Unauthorized)
                rooms.failed({caller.refusal().claimedClient, caller.refusal().reason, nullptr, exchange->context.origin});
            return refused(exchange, caller.refusal().problem);
        }
        exchange->context.caller = std::move(*caller);
        return Flow::Pass;
    }

    Flow authorize(const ExchangePtr& exchange) {
        const auto& context = exchange->context;
        if (!context.caller || context.route->scope.empty() || context.caller->holds(context.route->scope)) return Flow::Pass;
        return refused(exchange, model::insufficientScope(context.route->scope));
    }

    Flow limit(const ExchangePtr& exchange) {
        auto& context = exchange->context;
        if (!context.caller || context.route->limit == Limit::None) return Flow::Pass;
        const bool verify = context.route->limit == Limit::AuditVerify;
        const auto key = verify ? model::AgentId("verify:" + context.caller->agentId.str()) : context.caller->agentId;
        const auto most = verify ? current()->auditVerifyPerMinute : rooms.budgets.defaultPerMinute();
        const auto taken = rooms.budgets.takeRequest(key, most, context.origin.at);
        if (!taken) return refused(exchange, model::problemOf(taken.error()));
        context.budget = taken->state;
        if (taken->allowed) return Flow::Pass;
        return refused(exchange, rateLimited(std::chrono::ceil<base::seconds>(taken->state.resetAt - context.origin.at)));
    }

    Flow run(const ExchangePtr& exchange) {
        rooms.endpoints.at(exchange->context.route->id)(exchange);
        return Flow::Taken;
    }

    void observe(Exchange& exchange, const http::Response& response) {
        const auto& request = exchange.request;
        const auto seconds = std::chrono::duration<double>(rooms.clock.mono() - request.receivedAt).count();
        const auto routeNumber = exchange.context.route != nullptr ? static_cast<std::uint64_t>(exchange.context.route->id) + 1 : 0;
        const auto key =
            (routeNumber << 32U) | (static_cast<std::uint64_t>(request.method) << 16U) | static_cast<std::uint64_t>(response.status);
        const auto observedNow = handles(key, request.method, exchange.context.route, response.status);
        observedNow.requests.add();
        observedNow.seconds.observe(seconds);
        if (!current()->logRequests) return;
        rooms.log.write(observe::Message::HTTP_REQUEST, {{"requestId", exchange.context.origin.requestId},
                                                         {"method", request.methodText},
                                                         {"path", request.path},
                                                         {"status", response.status},
                                                         {"seconds", seconds},
                                                         {"address", request.peer.address},
                                                         {"userAgent", exchange.context.origin.userAgent}});
    }

    Observed handles(std::uint64_t key, http::Method method, const Route* route, int status) {
        {
            auto known = observed.read();
            if (const auto found = known->find(key); found != known->end()) return found->second;
        }
        const std::vector<std::string> labels{std::string(http::nameOf(method)),
                                              route != nullptr ? std::string(route->pattern) : "unmatched", std::to_string(status)};
        const Observed made{rooms.metrics.counter(observe::Metric::HttpRequestsTotal, labels),
                            rooms.metrics.histogram(observe::Metric::HttpRequestDurationSeconds, labels)};
        observed.write()->emplace(key, made);
        return made;
    }
};

Front::Front(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Front::~Front() = default;

base::Result<std::unique_ptr<Front>> Front::make(Rooms rooms, Surface surface, MintRoutes mint, PipelineSettings settings) {
    std::vector<const Route*> table;
    std::vector<http::Route> rows;
    for (const auto& route : allRoutes()) {
        if (!serves(surface, mint, route.id)) continue;
        table.push_back(&route);
        const bool relaxed = isMint(route.id) || (mint == MintRoutes::On && route.id == RouteId::Jwks);
        rows.push_back(
            {route.method, std::string(route.pattern), relaxed ? http::PathMatching::AnyCaseAndSlash : http::PathMatching::Exact});
    }
    auto router = http::Router::make(std::move(rows), {{"/v1/", "/api/v1/"}});
    if (!router) return std::move(router).error();
    return std::unique_ptr<Front>(
        new Front(std::make_unique<Impl>(std::move(rooms), std::move(table), std::move(*router), mint, std::move(settings))));
}

void Front::handle(http::Request&& request, http::Respond respond) const {
    impl_->pipeline->handle(std::move(request), std::move(respond));
}

void Front::configure(PipelineSettings settings) {
    *impl_->settings.write() = std::make_shared<const PipelineSettings>(std::move(settings));
}

http::Response Front::wordRefusal(int status, std::string_view why, Voice voice) {
    if (voice == Voice::Mint) {
        auto refused = responseOf(macp::render(macp::refusal(status, status == 413 ? macp::kBodyTooLarge : why)));
        refused.close = true;
        return refused;
    }
    // No route was reached, so there is no code of the API to name (RFC 9457 section 4.2.1).
    http::Response response;
    response.status = status;
    base::json::Writer(response.body)
        .beginObject()
        .key("type")
        .text("about:blank")
        .key("title")
        .text("The request was not understood")
        .key("status")
        .number(status)
        .key("detail")
        .text(why)
        .endObject();
    response.headers.add("Content-Type", "application/problem+json");
    response.close = true;
    return response;
}

}  // namespace agentidp::server
