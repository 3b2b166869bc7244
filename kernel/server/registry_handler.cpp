#include "server/registry_handler.h"

#include "crypto/hash.h"
#include "server/effects.h"
#include "store/agents.h"
#include "store/meta.h"

namespace agentidp::server {
namespace {

namespace json = base::json;
using model::ProblemCode;
using registry::Asker;
using registry::Query;
using registry::Ruling;

constexpr base::seconds kIdempotencyKept{24 * 3600};
constexpr std::size_t kMaxIdempotencyKey = 128;

Asker askerOf(const Exchange& exchange, RequestHooks* hooks = nullptr) {
    const auto* ifMatch = exchange.request.headers.find("If-Match");
    return {*exchange.context.caller, exchange.context.origin, ifMatch != nullptr ? std::string_view(*ifMatch) : std::string_view(), hooks};
}

std::unique_ptr<RequestHooks> hooksOf(const Exchange& exchange, const HookSettings& settings) {
    return RequestHooks::begin(settings, exchange.context.origin, &*exchange.context.caller);
}

/// The agent that a mutation writes, where it writes one.
const model::Agent* agentOf(const model::Mutation& mutation) {
    for (const auto& change : mutation.changes) {
        if (const auto* insert = std::get_if<model::InsertAgent>(&change)) return &insert->agent;
        if (const auto* update = std::get_if<model::UpdateAgent>(&change)) return &update->agent;
    }
    return nullptr;
}

std::string headerOf(const model::Answer& answer, std::string_view name) {
    for (const auto& [key, value] : answer.headers)
        if (base::equalIgnoreCase(key, name)) return value;
    return {};
}

/// What may be answered again: never a secret.
std::string repeatable(const std::string& body) {
    auto parsed = json::parse(body);
    if (!parsed || parsed->asObject() == nullptr) return {};
    std::erase_if(*parsed->asObject(), [](const json::Member& member) { return member.first == "clientSecret"; });
    return json::write(*parsed);
}

base::Bytes digestOf(std::string_view text) {
    const auto digest = crypto::sha256(base::bytesOf(text));
    return {digest.begin(), digest.end()};
}

}  // namespace

model::Decided<json::Value, model::Problem> jsonBody(const http::Request& request) {
    if (request.body.empty()) return json::Value(json::Object{});
    const auto* type = request.headers.find("Content-Type");
    const auto media = type != nullptr ? base::trim(std::string_view(*type).substr(0, type->find(';'))) : std::string_view();
    if (!base::equalIgnoreCase(media, "application/json"))
        return model::problem(ProblemCode::UnsupportedMediaType, "send the body as application/json");
    auto parsed = json::parse(request.body);
    if (!parsed) {
        if (parsed.error().code == base::Errc::TooLarge) return model::problem(ProblemCode::PayloadTooLarge, parsed.error().hint);
        return model::invalid({{"", parsed.error().hint}});
    }
    return std::move(*parsed);
}

void RegistryHandler::bind(Endpoints& endpoints) {
    const auto& agents = rooms_.agents;
    const auto& credentials = rooms_.credentials;
    const auto& organizations = rooms_.organizations;
    const auto param = [](const ExchangePtr& exchange, std::size_t at) { return std::string_view(exchange->context.parameters[at]); };

    endpoints.bind(RouteId::AgentCreate, [this, &agents](const ExchangePtr& exchange) {
        create(exchange, [&agents](const Asker& asker, const json::Value& body) { return agents.create(asker, body); });
    });
    endpoints.bind(RouteId::AgentList, [this, &agents](const ExchangePtr& exchange) {
        read(exchange, [&agents](const Asker& asker, const Query& query) { return agents.list(asker, query); });
    });
    endpoints.bind(RouteId::AgentRead, [this, &agents, param](const ExchangePtr& exchange) {
        read(exchange, [&](const Asker& asker, const Query&) { return agents.read(asker, param(exchange, 0)); });
    });
    endpoints.bind(RouteId::AgentUpdate, [this, &agents, param](const ExchangePtr& exchange) {
        write(exchange, [&](const Asker& asker, const json::Value& body) { return agents.update(asker, param(exchange, 0), body); });
    });
    endpoints.bind(RouteId::AgentDelete, [this, &agents, param](const ExchangePtr& exchange) {
        write(exchange, [&](const Asker& asker, const json::Value&) { return agents.decommission(asker, param(exchange, 0)); });
    });
    endpoints.bind(RouteId::CredentialCreate, [this, &credentials, param](const ExchangePtr& exchange) {
        create(exchange, [&credentials, exchange, param](const Asker& asker, const json::Value& body) {
            return credentials.create(asker, param(exchange, 0), body);
        });
    });
    endpoints.bind(RouteId::CredentialList, [this, &credentials, param](const ExchangePtr& exchange) {
        read(exchange, [&](const Asker& asker, const Query& query) { return credentials.list(asker, param(exchange, 0), query); });
    });
    endpoints.bind(RouteId::CredentialRotate, [this, &credentials, param](const ExchangePtr& exchange) {
        create(exchange, [&credentials, exchange, param](const Asker& asker, const json::Value& body) {
            return credentials.rotate(asker, param(exchange, 0), param(exchange, 1), body);
        });
    });
    endpoints.bind(RouteId::CredentialRevoke, [this, &credentials, param](const ExchangePtr& exchange) {
        write(exchange,
              [&](const Asker& asker, const json::Value&) { return credentials.revoke(asker, param(exchange, 0), param(exchange, 1)); });
    });
    endpoints.bind(RouteId::OrganizationCreate, [this, &organizations](const ExchangePtr& exchange) {
        create(exchange, [&organizations](const Asker& asker, const json::Value& body) { return organizations.create(asker, body); });
    });
    endpoints.bind(RouteId::OrganizationList, [this, &organizations](const ExchangePtr& exchange) {
        read(exchange, [&organizations](const Asker& asker, const Query& query) { return organizations.list(asker, query); });
    });
    endpoints.bind(RouteId::OrganizationRead, [this, &organizations, param](const ExchangePtr& exchange) {
        read(exchange, [&](const Asker& asker, const Query&) { return organizations.read(asker, param(exchange, 0)); });
    });
    endpoints.bind(RouteId::OrganizationUpdate, [this, &organizations, param](const ExchangePtr& exchange) {
        write(exchange, [&](const Asker& asker, const json::Value& body) { return organizations.update(asker, param(exchange, 0), body); });
    });
    endpoints.bind(RouteId::OrganizationDelete, [this, &organizations, param](const ExchangePtr& exchange) {
        write(exchange, [&](const Asker& asker, const json::Value&) { return organizations.remove(asker, param(exchange, 0)); });
    });
}

void RegistryHandler::read(const ExchangePtr& exchange, const Read& rule) {
    auto query = registry::parseQuery(exchange->request.query);
    if (!query) return refuse(exchange, query.refusal());
    commit(exchange, rule(askerOf(*exchange), *query), {});
}

void RegistryHandler::write(const ExchangePtr& exchange, const Rule& rule) {
    auto body = jsonBody(exchange->request);
    if (!body) return refuse(exchange, body.refusal());
    const auto hooks = hooksOf(*exchange, rooms_.hooks);
    commit(exchange, rule(askerOf(*exchange, hooks.get()), *body), {}, hooks.get());
}

void RegistryHandler::create(const ExchangePtr& exchange, const Rule& rule) {
    const auto* key = exchange->request.headers.find("Idempotency-Key");
    if (key == nullptr) return write(exchange, rule);
    if (key->empty() || key->size() > kMaxIdempotencyKey || !base::isUtf8(*key))
        return refuse(exchange, model::problem(ProblemCode::ValidationError, "Idempotency-Key is 1 to 128 characters"));
    auto body = jsonBody(exchange->request);
    if (!body) return refuse(exchange, body.refusal());

    const auto client = exchange->context.caller->actor();
    const auto digest = digestOf(exchange->request.path + "\n" + exchange->request.body);
    const auto before = store::readIdempotentAnswer(rooms_.storage, rooms_.clock, client, *key);
    if (!before) return refuse(exchange, model::problemOf(before.error()));
    if (*before) {
        const auto& kept = **before;
        if (kept.bodyHash != digest)
            return refuse(exchange, model::problem(ProblemCode::Conflict, "this Idempotency-Key was used for another request"));
        if (kept.body.find("\"credentialId\"") != std::string::npos)
            return refuse(
                exchange,
                model::problem(ProblemCode::Conflict,
                               "this request was answered before, and a secret is shown once; rotate the credential at " + kept.location));
        model::Answer again{
            static_cast<int>(kept.status), {{"Content-Type", "application/json"}, {"Idempotency-Replayed", "true"}}, kept.body};
        if (!kept.location.empty()) again.headers.emplace_back("Location", kept.location);
        return answer(exchange, std::move(again));
    }
    const auto hooks = hooksOf(*exchange, rooms_.hooks);
    auto ruling = rule(askerOf(*exchange, hooks.get()), *body);
    std::vector<plugin::Op> more;
    if (ruling.ok()) {
        const auto& decided = std::get<model::Answer>(ruling.outcome);
        const auto now = exchange->context.origin.at;
        more.push_back(plugin::removeFrom("idempotency_keys", {{"client_id", plugin::Compare::Eq, {client}},
                                                               {"key", plugin::Compare::Eq, {*key}},
                                                               {"expires_at", plugin::Compare::Lt, {now}}}));
        const auto location = headerOf(decided, "Location");
        more.push_back(
            store::insertIdempotentAnswer({client, *key, digest, decided.status, location.empty() ? exchange->request.path : location,
                                           repeatable(decided.body), now + kIdempotencyKept}));
    }
    commit(exchange, std::move(ruling), std::move(more), hooks.get());
}

/// All or none; what was kept before the one that failed is forgotten.
base::Result<void> RegistryHandler::keepSecrets(const registry::SecretChanges& changes) const {
    for (const auto& [path, secret] : changes.keep) {
        const auto kept = rooms_.secrets->keep(path, secret);
        if (kept) continue;
        for (const auto& each : changes.keep) rooms_.secrets->forget(each.path);
        return kept;
    }
    return {};
}

void RegistryHandler::commit(const ExchangePtr& exchange, Ruling&& ruling, std::vector<plugin::Op> more, RequestHooks* hooks) {
    if (ruling.mutation.empty()) {
        if (ruling.ok()) return answer(exchange, std::get<model::Answer>(std::move(ruling.outcome)));
        return refuse(exchange, std::get<model::Problem>(ruling.outcome));
    }
    std::vector<std::string> registered;
    for (const auto& change : ruling.mutation.changes)
        if (const auto* insert = std::get_if<model::InsertAgent>(&change))
            registered.emplace_back(store::nameOf(insert->agent.deploymentEnv));
    if (hooks != nullptr) hooks->enrich(ruling.mutation.events, agentOf(ruling.mutation));
    auto effect = effectOf(std::move(ruling.mutation));
    effect.enriched = hooks != nullptr;
    for (auto& op : more) effect.ops.push_back(std::move(op));
    if (!ruling.ok()) {
        // What is refused changes nothing: its event need not hold the answer.
        rooms_.ledger.append(std::move(effect), [](const base::Result<audit::Committed>&) {});
        return refuse(exchange, std::get<model::Problem>(ruling.outcome));
    }
    if (auto kept = keepSecrets(ruling.secrets); !kept) return refuse(exchange, model::problemOf(kept.error()));
    // The paths no row names afterwards: of the secrets before, or, where the change does not come about, of the new ones.
    std::vector<std::string> fresh;
    for (const auto& each : ruling.secrets.keep) fresh.push_back(each.path);
    const auto forget = [this](const std::vector<std::string>& paths) {
        if (rooms_.secrets == nullptr) return;
        for (const auto& path : paths) rooms_.secrets->forget(path);
    };
    const bool conditional = exchange->request.headers.find("If-Match") != nullptr;
    rooms_.ledger.append(std::move(effect),
                         [this, exchange, conditional, forget, fresh = std::move(fresh), stale = std::move(ruling.secrets.forget),
                          registered = std::move(registered), decided = std::get<model::Answer>(std::move(ruling.outcome))](
                             const base::Result<audit::Committed>& committed) mutable {
                             if (!committed) {
                                 // Anything else may have been written all the same: a new secret that no row names opens nothing.
                                 if (committed.error().code == base::Errc::Conflict || committed.error().code == base::Errc::Exists)
                                     forget(fresh);
                                 return refuse(exchange, registry::problemOfCommit(committed.error(), conditional));
                             }
                             forget(stale);
                             for (const auto& env : registered) rooms_.metrics.counter(observe::Metric::AgentsRegisteredTotal, {env}).add();
                             answer(exchange, std::move(decided));
                         });
}

}  // namespace agentidp::server
