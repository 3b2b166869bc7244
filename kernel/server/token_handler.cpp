#include "server/token_handler.h"

#include <atomic>
#include <optional>

#include "server/effects.h"
#include "store/meta.h"

namespace agentidp::server {
namespace {

/// agentidp_tokens_issued_total{scope}: the first this many sets, then `other`.
constexpr std::size_t kScopeLabels = 50;

oauth::RawRequest rawOf(const http::Request& request) {
    oauth::RawRequest raw;
    if (const auto* type = request.headers.find("Content-Type")) raw.contentType = *type;
    raw.query = request.query;
    raw.body = request.body;
    if (const auto* authorization = request.headers.find("Authorization")) raw.authorization = *authorization;
    return raw;
}

/// Who the request says it is, read just far enough to know whether that client is in memory. Decides nothing.
std::string claimedClient(const http::Request& request) {
    if (const auto* authorization = request.headers.find("Authorization");
        authorization != nullptr && authorization->size() > 6 && base::equalIgnoreCase(authorization->substr(0, 6), "basic ")) {
        const auto decoded = base::unbase64(std::string_view(*authorization).substr(6));
        if (!decoded) return {};
        const auto text = base::textOf(*decoded);
        return std::string(text.substr(0, text.find(':')));
    }
    constexpr std::string_view kName = "client_id=";
    const auto at = request.body.find(kName);
    if (at == std::string::npos) return {};
    const auto from = at + kName.size();
    return request.body.substr(from, request.body.find('&', from) - from);
}

model::Answer withBudget(model::Answer answer, const oauth::BudgetState& budget) {
    oauth::appendBudgetHeaders(answer, budget);
    return answer;
}

oauth::OauthError overloaded() {
    return oauth::oauthError(oauth::OauthCode::TemporarilyUnavailable, "too many requests are waiting", "overload");
}

}  // namespace

/// A token on its way: what is decided of it, and the two things its answer waits for.
struct TokenHandler::Issue {
    ExchangePtr exchange;
    std::shared_ptr<RequestHooks> hooks;
    observe::Counter counter;
    oauth::BudgetState budget;
    oauth::ClientPtr noted;  ///< its month is only reported
    oauth::UnsignedToken token;
    std::atomic<int> parts{1};
    /// Each written by one part before it is finished, read by the last.
    model::Answer answer;
    std::optional<oauth::OauthError> refusal;
    std::optional<base::Error> uncommitted;
};

TokenHandler::TokenHandler(Rooms rooms, oauth::TokenSettings settings) : rooms_(std::move(rooms)) { configure(std::move(settings)); }

void TokenHandler::configure(oauth::TokenSettings settings) {
    *settings_.lock() = std::make_shared<const oauth::TokenSettings>(std::move(settings));
}

std::shared_ptr<const oauth::TokenSettings> TokenHandler::settings() { return *settings_.lock(); }

void TokenHandler::doAt(Place place, std::string_view client, const ExchangePtr& exchange, void (TokenHandler::*work)(const ExchangePtr&)) {
    const auto lane = place == Place::Loop ? base::ThreadPool::kNobody : laneOf(client, exchange);
    if (!rooms_.workplaces.run(place, lane, [this, exchange, work] { (this->*work)(exchange); })) refuse(exchange, overloaded());
}

base::ThreadPool::Lane TokenHandler::laneOf(std::string_view client, const ExchangePtr& exchange) {
    const auto organization = client.empty() ? 0 : rooms_.directory.organizationOf(client);
    return organization != 0 ? laneOfOrganization(organization) : laneOfAddress(exchange->context.origin.ip);
}

void TokenHandler::refuse(const ExchangePtr& exchange, const oauth::OauthError& error) {
    using oauth::OauthCode;
    if (error.code == OauthCode::InvalidClient || error.code == OauthCode::InvalidToken)
        rooms_.failed({error.claimedClient, error.reason, error.client.get(), exchange->context.origin});
    if (error.reason == oauth::kHookUnavailable)
        rooms_.log.write(observe::Message::HOOK_REFUSED, {{"requestId", exchange->context.origin.requestId}, {"why", error.logDetail}});
    answer(exchange, oauth::render(error));
}

void TokenHandler::append(model::AuditEvent&& event) {
    audit::Effect effect;
    effect.events.push_back(std::move(event));
    rooms_.ledger.append(std::move(effect), [](const base::Result<audit::Committed>&) {});
}

void TokenHandler::rehash(model::Mutation&& mutation) {
    if (!mutation.empty()) rooms_.ledger.append(effectOf(std::move(mutation)), [](const base::Result<audit::Committed>&) {});
}

void TokenHandler::token(const ExchangePtr& exchange) {
    const auto client = claimedClient(exchange->request);
    const bool countsFirst = settings()->quota == oauth::QuotaMode::Enforce;
    const bool nothingWaits = !rooms_.budgets.blocks() && !client.empty() && rooms_.directory.cached(client) &&
                              (!countsFirst || rooms_.budgets.monthKnown(model::AgentId(client), exchange->context.origin.at));
    // Where RSA signs, it signs elsewhere (decideToken).
    const auto otherwise = nothingWaits && rooms_.workplaces.signing() != Place::Pool ? Place::Loop : Place::Pool;
    doAt(asksForTokens(rooms_.hooks) ? Place::Hooks : otherwise, client, exchange, &TokenHandler::decideToken);
}

void TokenHandler::decideToken(const ExchangePtr& exchange) {
    const auto& origin = exchange->context.origin;
    auto request = oauth::parseTokenRequest(rawOf(exchange->request));
    if (!request) return refuse(exchange, request.refusal());
    const auto settings = this->settings();
    // Held until the answer has left: what hooks in shadow are to be asked is asked then.
    const std::shared_ptr<RequestHooks> hooks = RequestHooks::begin(rooms_.hooks, origin, nullptr);
    auto decision = rooms_.tokens.decide(*request, *settings, origin.at, hooks.get());
    if (!decision) return refuse(exchange, decision.refusal());
    rehash(std::move(decision->rehash));
    auto token = rooms_.issuer.prepare({decision->grant, *decision->client, decision->credentialId, origin}, oauth::RandomDraw::fresh());
    if (!token) return refuse(exchange, token.refusal());

    audit::Effect effect;
    if (decision->touchCredential && decision->client->isFirstUse(decision->credentialId, origin.at))
        rooms_.lastUsed.record(decision->credentialId, origin.at);
    effect.events.push_back(std::move(token->event));
    if (hooks) hooks->enrich(effect.events, &decision->client->agent);
    effect.enriched = true;
    if (settings->quota != oauth::QuotaMode::Off) {
        effect.tally = audit::Effect::Tally{decision->grant.agentNum, store::monthOf(origin.at), {}};
        // A counter that replicas share may be lost with its server: then the table alone knows.
        if (settings->quota == oauth::QuotaMode::Enforce && rooms_.budgets.blocks())
            effect.tally->limit = rooms_.budgets.perMonth(*decision->client);
    }
    const auto issue = std::make_shared<Issue>();
    issue->exchange = exchange;
    issue->hooks = hooks;
    issue->counter = issuedCounter(token->scope);
    issue->budget = decision->budget;
    if (settings->quota == oauth::QuotaMode::Report) issue->noted = decision->client;
    issue->token = *std::move(token);
    if (rooms_.workplaces.signing() == Place::Cores) {
        // An RSA signature takes as long as a commit: neither waits for the other.
        issue->parts = 2;
        effect.patient = true;
        const auto lane = laneOf(decision->grant.clientId.str(), exchange);
        const bool taken = rooms_.workplaces.run(Place::Cores, lane, [this, issue] {
            signToken(issue);
            finishPart(issue);
        });
        if (!taken) return refuse(exchange, overloaded());
    } else {
        signToken(issue);
        if (issue->refusal) return refuse(exchange, *issue->refusal);
    }
    rooms_.ledger.append(std::move(effect), [this, issue](const base::Result<audit::Committed>& committed) {
        if (!committed) issue->uncommitted = committed.error();
        finishPart(issue);
    });
}

void TokenHandler::signToken(const std::shared_ptr<Issue>& issue) {
    auto issued = rooms_.issuer.sign(std::move(issue->token));
    if (!issued) {
        issue->refusal = issued.refusal();
        return;
    }
    issue->answer = withBudget(std::move(issued->answer), issue->budget);
    base::wipe(issued->accessToken.data(), issued->accessToken.size());
}

void TokenHandler::finishPart(const std::shared_ptr<Issue>& issue) {
    if (--issue->parts > 0) return;
    if (issue->uncommitted) {
        base::wipe(issue->answer.body.data(), issue->answer.body.size());
        return refuse(issue->exchange, issue->uncommitted->code == base::Errc::Denied
                                           ? oauth::oauthError(oauth::OauthCode::QuotaExceeded, {}, "quota_exceeded")
                                           : oauth::oauthErrorOf(*issue->uncommitted));
    }
    // The ledger tells of a token that nobody has.
    if (issue->refusal) return refuse(issue->exchange, *issue->refusal);
    issue->counter.add();
    if (issue->noted) rooms_.budgets.noteToken(*issue->noted, issue->exchange->context.origin.at);
    answer(issue->exchange, std::move(issue->answer));
}

observe::Counter TokenHandler::issuedCounter(const std::string& scope) {
    auto known = issuedByScope_.lock();
    const auto found = known->find(scope);
    if (found != known->end()) return found->second;
    const bool room = known->size() < kScopeLabels;
    const auto counter = rooms_.metrics.counter(observe::Metric::TokensIssuedTotal, {room ? scope : std::string("other")});
    if (room) known->emplace(scope, counter);
    return counter;
}

void TokenHandler::introspect(const ExchangePtr& exchange) {
    const auto client = claimedClient(exchange->request);
    const bool nothingWaits = !rooms_.budgets.blocks() && !client.empty() && rooms_.directory.cached(client);
    const auto otherwise = nothingWaits ? Place::Loop : Place::Pool;
    doAt(asksForIntrospections(rooms_.hooks) ? Place::Hooks : otherwise, client, exchange, &TokenHandler::decideIntrospection);
}

void TokenHandler::decideIntrospection(const ExchangePtr& exchange) {
    auto request = oauth::parseIntrospectionRequest(rawOf(exchange->request));
    if (!request) return refuse(exchange, request.refusal());
    auto decision = rooms_.introspection.decide(*request, exchange->context.origin.at);
    if (!decision) return refuse(exchange, decision.refusal());
    rehash(std::move(decision->rehash));
    std::string jti = decision->claims ? decision->claims->jti : std::string();
    if (!decision->claims && rooms_.minted != nullptr) {
        auto minted = rooms_.minted->introspect(decision->caller, request->token, exchange->context.origin.at);
        if (!minted) return refuse(exchange, oauth::oauthErrorOf(minted.error()));
        if (*minted) {
            jti = std::move((*minted)->jti);
            decision->answer = oauth::jsonAnswer(200, std::move((*minted)->body));
        }
    }
    if (asksForIntrospections(rooms_.hooks))
        if (const auto hooks = RequestHooks::begin(rooms_.hooks, exchange->context.origin, nullptr))
            decision->answer.body = hooks->filtered(decision->caller, std::move(decision->answer.body));
    if (auto event = rooms_.tally.record(decision->caller, jti, exchange->context.origin)) append(std::move(*event));
    answer(exchange, std::move(decision->answer));
}

void TokenHandler::revoke(const ExchangePtr& exchange) {
    const auto client = claimedClient(exchange->request);
    doAt(!client.empty() && rooms_.directory.cached(client) ? Place::Loop : Place::Pool, client, exchange, &TokenHandler::decideRevocation);
}

void TokenHandler::decideRevocation(const ExchangePtr& exchange) {
    auto request = oauth::parseRevocationRequest(rawOf(exchange->request));
    if (!request) return refuse(exchange, request.refusal());
    auto decision = rooms_.revocation.decide(*request, exchange->context.origin);
    if (!decision) return refuse(exchange, decision.refusal());
    rehash(std::move(decision->rehash));
    if (!decision->claims && rooms_.minted != nullptr) return decideMintedRevocation(exchange, *request, *std::move(decision));
    if (decision->kind != oauth::RevocationKind::Revoke) return answer(exchange, std::move(decision->answer));
    revokeThenAnswer(exchange, std::move(decision->mutation), model::Jti(decision->claims->jti), decision->claims->expiresAt);
}

void TokenHandler::decideMintedRevocation(const ExchangePtr& exchange, const oauth::RevocationRequest& request,
                                          oauth::RevocationDecision&& decision) {
    using Kind = macp::MintedRevocation::Kind;
    auto minted = rooms_.minted->revoke(decision.caller, request.token, exchange->context.origin);
    if (!minted) return refuse(exchange, oauth::oauthErrorOf(minted.error()));
    switch (minted->kind) {
        case Kind::Nothing: return answer(exchange, std::move(decision.answer));
        case Kind::Denied: {
            auto error = oauth::oauthError(oauth::OauthCode::UnauthorizedClient,
                                           "a minted token is revoked with tokens:revoke and macp:mint", "not_own_token");
            error.claimedClient = decision.caller.agentId.str();
            return refuse(exchange, error);
        }
        case Kind::Revoke:
            return revokeThenAnswer(exchange, std::move(minted->mutation), model::Jti(minted->claims.jti), minted->claims.expiresAt);
    }
}

void TokenHandler::revokeThenAnswer(const ExchangePtr& exchange, model::Mutation&& mutation, model::Jti jti, std::int64_t expiresAt) {
    const auto until = base::Instant(base::seconds(expiresAt));
    rooms_.ledger.append(effectOf(std::move(mutation)),
                         [this, exchange, jti = std::move(jti), until](const base::Result<audit::Committed>& committed) {
                             // Exists: somebody was faster, and the token is dead all the same.
                             if (!committed && committed.error().code != base::Errc::Exists)
                                 return refuse(exchange, oauth::oauthErrorOf(committed.error()));
                             rooms_.revocations.add(jti.str(), until);
                             if (rooms_.revoked) rooms_.revoked(jti, until);
                             answer(exchange, oauth::jsonAnswer(200, "{}"));
                         });
}

}  // namespace agentidp::server
