#include "server/audit_handler.h"

#include <algorithm>

#include "base/ids.h"
#include "registry/page.h"

namespace agentidp::server {
namespace {

namespace json = base::json;
using model::ProblemCode;

constexpr std::size_t kJobsRemembered = 64;
constexpr std::string_view kScopePlatform = model::kPlatformScope;

audit::Tenancy tenancyOf(const model::Caller& caller) {
    return caller.platform() ? audit::Tenancy::platform() : audit::Tenancy::organization(caller.organizationNum);
}

model::Answer jsonAnswer(std::string body, int status = 200) { return {status, {{"Content-Type", "application/json"}}, std::move(body)}; }

model::Answer text(std::string body) {
    return {200, {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-cache"}}, std::move(body)};
}

/// One value of each of `names`; VALIDATION_ERROR for others and repeats.
model::Decided<std::map<std::string, std::string>, model::Problem> parametersOf(const Exchange& exchange,
                                                                                const std::vector<std::string>& names) {
    auto query = registry::parseQuery(exchange.request.query);
    if (!query) return query.refusal();
    std::map<std::string, std::string> found;
    for (auto& [name, value] : *query) {
        if (std::find(names.begin(), names.end(), name) == names.end())
            return model::invalid({{"?" + name, "is no parameter of this route"}});
        if (!found.emplace(name, std::move(value)).second) return model::invalid({{"?" + name, "is given twice"}});
    }
    return found;
}

std::optional<std::uint64_t> numberOf(const std::map<std::string, std::string>& parameters, const std::string& name) {
    const auto found = parameters.find(name);
    if (found == parameters.end()) return std::nullopt;
    const auto number = base::parseInt(found->second);
    if (!number || *number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*number);
}

/// The window of a query as clients give it: a whole RFC 3339 time, or a date, whose end is its last microsecond.
std::optional<base::Instant> timeOf(const std::string& text, base::microseconds ofDay) {
    if (text.size() == 10)
        if (const auto day = base::parseRfc3339(text + "T00:00:00Z")) return *day + ofDay;
    return base::parseRfc3339(text);
}

}  // namespace

void AuditHandler::bind(Endpoints& endpoints) {
    const auto to = [this](void (AuditHandler::*serve)(const ExchangePtr&)) {
        return [this, serve](const ExchangePtr& exchange) { (this->*serve)(exchange); };
    };
    endpoints.bind(RouteId::AuditList, to(&AuditHandler::list));
    endpoints.bind(RouteId::AuditRead, to(&AuditHandler::read));
    endpoints.bind(RouteId::AuditVerify, to(&AuditHandler::verify));
    endpoints.bind(RouteId::AuditJob, to(&AuditHandler::job));
    endpoints.bind(RouteId::AuditCheckpoint, to(&AuditHandler::checkpoint));
    endpoints.bind(RouteId::AuditProof, to(&AuditHandler::proof));
    endpoints.bind(RouteId::AuditConsistency, to(&AuditHandler::consistency));
    endpoints.bind(RouteId::AuditTile, to(&AuditHandler::tile));
    endpoints.bind(RouteId::AuditKey, [this](const ExchangePtr& exchange) {
        answer(exchange, jsonAnswer(json::write(json::Object{{"origin", rooms_.origin()}, {"key", rooms_.verifierKey()}})));
    });
}

void AuditHandler::list(const ExchangePtr& exchange) {
    const auto& caller = *exchange->context.caller;
    auto query = registry::parseQuery(exchange->request.query);
    if (!query) return refuse(exchange, query.refusal());
    const std::string scope = "audit/" + (caller.platform() ? std::string("*") : caller.organizationId.str());
    auto page = registry::parsePage(*query, {"agentId", "action", "outcome", "startDate", "endDate"}, rooms_.cursors, scope);
    if (!page) return refuse(exchange, page.refusal());

    audit::Query wanted{tenancyOf(caller)};
    std::vector<model::FieldError> faults;
    bool nobody = false;
    if (const auto& agentId = page->filters[0]) {
        const auto client = rooms_.directory.find(model::AgentId(*agentId));
        if (client)
            wanted.agentNum = (*client)->agent.num;
        else if (client.error().code == base::Errc::NotFound)
            nobody = true;
        else
            return refuse(exchange, model::problemOf(client.error()));
    }
    if (const auto& action = page->filters[1]) {
        model::Action named{};
        if (model::actionNamed(*action, named))
            wanted.action = named;
        else
            faults.push_back({"?action", "is no action of the ledger"});
    }
    if (const auto& outcome = page->filters[2]) {
        if (*outcome == "success" || *outcome == "failure")
            wanted.outcome = *outcome == "success" ? model::Outcome::Success : model::Outcome::Failure;
        else
            faults.push_back({"?outcome", "is success or failure"});
    }
    const auto window = [&](std::size_t at, std::string_view name, base::microseconds ofDay) -> std::optional<base::Instant> {
        if (!page->filters[at]) return std::nullopt;
        auto time = timeOf(*page->filters[at], ofDay);
        if (!time) faults.push_back({"?" + std::string(name), "is a date or an RFC 3339 time"});
        return time;
    };
    wanted.from = window(3, "startDate", base::microseconds(0));
    wanted.to = window(4, "endDate", std::chrono::hours(24) - base::microseconds(1));
    if (!faults.empty()) return refuse(exchange, model::invalid(std::move(faults)));
    if (page->after) wanted.before = static_cast<std::uint64_t>(page->after->number);
    wanted.limit = page->limit;

    audit::Page found;
    if (!nobody) {
        auto read = rooms_.reader.query(wanted);
        if (!read) return refuse(exchange, model::problemOf(read.error()));
        found = std::move(*read);
    }
    std::string body;
    json::Writer writer(body);
    writer.beginObject().key("data").beginArray();
    for (const auto& record : found.records) writer.raw(record.json());
    writer.endArray().key("nextCursor");
    if (found.next)
        writer.text(rooms_.cursors.encode({static_cast<std::int64_t>(*found.next), ""}, registry::filterKey(scope, *page)));
    else
        writer.null();
    if (found.retainedFrom) writer.key("retainedFrom").text(base::rfc3339(*found.retainedFrom));
    writer.endObject();
    answer(exchange, jsonAnswer(std::move(body)));
}

void AuditHandler::read(const ExchangePtr& exchange) {
    const auto record = rooms_.reader.find(model::EventId(exchange->context.parameters[0]), tenancyOf(*exchange->context.caller));
    if (!record) return refuse(exchange, model::problemOf(record.error()));
    answer(exchange, jsonAnswer(record->json()));
}

void AuditHandler::verify(const ExchangePtr& exchange) {
    auto parameters = parametersOf(*exchange, {"mode"});
    if (!parameters) return refuse(exchange, parameters.refusal());
    const auto mode = parameters->find("mode");
    if (mode != parameters->end() && mode->second != "full" && mode->second != "incremental")
        return refuse(exchange, model::invalid({{"?mode", "is full or incremental"}}));
    if (mode != parameters->end() && mode->second == "full") return verifyInFull(exchange);
    const auto verdict = rooms_.verify(VerifyMode::SinceLast);
    if (!verdict) return refuse(exchange, model::problemOf(verdict.error()));
    answer(exchange, jsonAnswer(json::write(*verdict)));
}

void AuditHandler::verifyInFull(const ExchangePtr& exchange) {
    const auto id = base::uuidV7(rooms_.clock.now());
    {
        auto known = known_.lock();
        (*known)[id] = Job{};
        while (known->size() > kJobsRemembered) known->erase(known->begin());
    }
    const bool taken = jobs_.post([this, id] {
        auto verdict = rooms_.verify(VerifyMode::Full);
        auto known = known_.lock();
        const auto found = known->find(id);
        if (found == known->end()) return;
        found->second.status = verdict ? "done" : "failed";
        found->second.result = verdict ? std::move(*verdict) : json::Value(json::Object{{"error", verdict.error().hint}});
    });
    if (!taken) {
        known_.lock()->erase(id);
        return refuse(exchange, model::unavailable("too many verifications wait", base::seconds(30)));
    }
    auto accepted = jsonAnswer(json::write(json::Object{{"jobId", id}, {"status", "running"}}), 202);
    accepted.headers.emplace_back("Location", "/api/v1/audit/jobs/" + id);
    answer(exchange, std::move(accepted));
}

void AuditHandler::job(const ExchangePtr& exchange) {
    json::Object body;
    {
        auto known = known_.lock();
        const auto found = known->find(exchange->context.parameters[0]);
        if (found == known->end()) return refuse(exchange, model::problem(ProblemCode::NotFound, "there is no such job"));
        body = {{"jobId", found->first}, {"status", found->second.status}, {"result", found->second.result}};
    }
    answer(exchange, jsonAnswer(json::write(body)));
}

void AuditHandler::checkpoint(const ExchangePtr& exchange) {
    auto newest = rooms_.reader.checkpoint();
    if (!newest) return refuse(exchange, model::problemOf(newest.error()));
    answer(exchange, text(std::move(newest->note)));
}

void AuditHandler::proof(const ExchangePtr& exchange) {
    auto parameters = parametersOf(*exchange, {"eventId", "index", "format"});
    if (!parameters) return refuse(exchange, parameters.refusal());
    const auto tenancy = tenancyOf(*exchange->context.caller);
    const auto eventId = parameters->find("eventId");
    const auto index = numberOf(*parameters, "index");
    if ((eventId != parameters->end()) == index.has_value())
        return refuse(exchange, model::invalid({{"?eventId", "give either eventId or index"}}));
    auto proof = index ? rooms_.reader.prove(*index) : rooms_.reader.prove(model::EventId(eventId->second), tenancy);
    if (!proof) return refuse(exchange, model::problemOf(proof.error()));
    // Proofs, which are hashes, are for all; the entry only for those who may read it.
    if (index && proof->entry && !rooms_.reader.at(*index, tenancy)) proof->entry.reset();
    if (const auto format = parameters->find("format"); format != parameters->end() && format->second == "tlog")
        return answer(exchange, text(proof->text()));
    auto body = proof->json();
    if (eventId != parameters->end()) {
        std::string named = "{\"eventId\":";
        json::appendQuoted(named, eventId->second);
        body = named + "," + body.substr(1);
    }
    answer(exchange, jsonAnswer(std::move(body)));
}

void AuditHandler::consistency(const ExchangePtr& exchange) {
    auto parameters = parametersOf(*exchange, {"from", "to"});
    if (!parameters) return refuse(exchange, parameters.refusal());
    const auto from = numberOf(*parameters, "from");
    const auto to = numberOf(*parameters, "to");
    if (!from || !to) return refuse(exchange, model::invalid({{"?from", "give from and to as tree sizes"}}));
    const auto proof = rooms_.reader.consistency(*from, *to);
    if (!proof) return refuse(exchange, model::problemOf(proof.error()));
    answer(exchange, jsonAnswer(proof->json()));
}

void AuditHandler::tile(const ExchangePtr& exchange) {
    const auto wanted = audit::TileRequest::parse(exchange->context.parameters[0]);
    if (!wanted) return refuse(exchange, model::problem(ProblemCode::NotFound, "there is no such tile"));
    if (wanted->entries && !exchange->context.caller->platform()) return refuse(exchange, model::insufficientScope(kScopePlatform));
    const auto bytes = rooms_.reader.tile(*wanted);
    if (!bytes) return refuse(exchange, model::problemOf(bytes.error()));
    model::Answer out{200, {{"Content-Type", "application/octet-stream"}}, std::string(base::textOf(*bytes))};
    if (wanted->width == audit::kTileWidth) out.headers.emplace_back("Cache-Control", "private, max-age=31536000, immutable");
    answer(exchange, std::move(out));
}

}  // namespace agentidp::server
