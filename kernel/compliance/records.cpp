#include "compliance/records.h"

#include <algorithm>
#include <future>

#include "base/ids.h"
#include "base/text.h"
#include "store/agents.h"
#include "store/credentials.h"
#include "store/meta.h"
#include "store/organizations.h"

namespace agentidp::compliance {
namespace {

using base::Errc;
using base::fail;
namespace json = base::json;

constexpr std::int64_t kMostRecords = 1000;

std::uint32_t limitOf(const json::Value& query) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(query.intOr("limit", 100), 1, kMostRecords));
}

json::Value orNull(const std::optional<base::Instant>& at) { return at ? json::Value(base::microsOf(*at)) : json::Value(); }

json::Value page(json::Array records, std::string cursor) {
    json::Object out{{"records", std::move(records)}};
    if (!cursor.empty()) out.emplace_back("cursor", std::move(cursor));
    return out;
}

}  // namespace

base::Result<json::Value> Records::read(std::string_view kind, const json::Value& query) const {
    if (kind == "credentials") return credentials(query);
    if (kind == "agents") return agents(query);
    return fail(Errc::Unsupported, "records.v1 has no kind " + std::string(kind));
}

base::Result<json::Value> Records::credentials(const json::Value& query) const {
    const auto status = query.textOr("status", "active");
    if (status != "active") return fail(Errc::Unsupported, "records.v1 reads active credentials only");
    std::optional<store::Credentials::Position> after;
    if (const auto cursor = query.textOr("cursor", ""); !cursor.empty()) {
        const auto colon = cursor.find(':');
        const auto at = base::parseInt(cursor.substr(0, colon));
        if (colon == std::string::npos || !at) return fail(Errc::Invalid, "records.v1: not a cursor of ours");
        after = store::Credentials::Position{base::fromMicros(*at), cursor.substr(colon + 1)};
    }
    const auto limit = limitOf(query);
    const auto until = base::fromMicros(query.intOr("expiresBefore", base::microsOf(clock_.now())));
    auto found = store::Credentials(storage_, clock_).expiring(until, after, limit);
    if (!found) return std::move(found).error();
    const store::Agents agentsTable(storage_, clock_);
    const store::Organizations organizations(storage_, clock_);
    json::Array records;
    for (const auto& credential : *found) {
        std::string organizationId;
        if (const auto agent = agentsTable.findByNum(credential.agentNum)) {
            if (const auto organization = organizations.findByNum(agent->organizationNum)) organizationId = organization->id.str();
        }
        records.emplace_back(json::Object{{"credentialId", credential.id.str()},
                                          {"clientId", credential.agentId.str()},
                                          {"agentId", credential.agentId.str()},
                                          {"organizationId", organizationId},
                                          {"status", status},
                                          {"createdAt", base::microsOf(credential.createdAt)},
                                          {"expiresAt", orNull(credential.expiresAt)},
                                          {"lastUsedAt", orNull(credential.lastUsedAt)}});
    }
    std::string next;
    if (found->size() == limit) next = std::to_string(base::microsOf(*found->back().expiresAt)) + ":" + found->back().id.str();
    return page(std::move(records), std::move(next));
}

base::Result<json::Value> Records::agents(const json::Value& query) const {
    store::AgentFilter filter;
    if (const auto status = query.textOr("status", ""); !status.empty()) filter.status = status;
    std::optional<std::int64_t> before;
    if (const auto cursor = query.textOr("cursor", ""); !cursor.empty()) {
        before = base::parseInt(cursor);
        if (!before) return fail(Errc::Invalid, "records.v1: not a cursor of ours");
    }
    const auto limit = limitOf(query);
    auto found = store::Agents(storage_, clock_).list(filter, before, limit);
    if (!found) return std::move(found).error();
    const store::Organizations organizations(storage_, clock_);
    json::Array records;
    for (const auto& agent : *found) {
        const auto organization = organizations.findByNum(agent.organizationNum);
        records.emplace_back(json::Object{{"agentId", agent.id.str()},
                                          {"organizationId", organization ? organization->id.str() : std::string()},
                                          {"agentType", agent.agentType},
                                          {"owner", agent.owner},
                                          {"deploymentEnv", store::nameOf(agent.deploymentEnv)},
                                          {"status", store::nameOf(agent.status)},
                                          {"createdAt", base::microsOf(agent.createdAt)},
                                          {"updatedAt", base::microsOf(agent.updatedAt)}});
    }
    std::string next;
    if (found->size() == limit) next = std::to_string(found->back().num);
    return page(std::move(records), std::move(next));
}

base::Result<void> Findings::report(std::string_view job, const json::Value& finding) {
    const auto code = finding.textOr("code", "");
    const auto subject = finding.textOr("subject", "");
    const auto severity = finding.textOr("severity", "");
    if (code.empty() || subject.empty() || code.size() > 64 || subject.size() > 128)
        return fail(Errc::Invalid, "a finding needs a code and a subject");
    if (severity != "info" && severity != "warning" && severity != "critical")
        return fail(Errc::Invalid, "a finding's severity is info, warning or critical");
    const auto now = clock_.now();
    const auto day = std::chrono::floor<std::chrono::days>(now).time_since_epoch().count();

    model::AuditEvent event;
    event.timestamp = now;
    event.eventId = model::EventId(base::uuidV7(now));
    event.action = model::Action::JobFinding;
    event.actor = "job:" + std::string(job);
    if (const auto organizationId = finding.textOr("organizationId", ""); !organizationId.empty()) {
        const auto organization = store::Organizations(storage_, clock_).find(model::OrganizationId(organizationId));
        if (organization) {
            event.organizationId = organization->id;
            event.organizationNum = organization->num;
        }
    }
    event.metadataJson = json::write(json::Object{{"code", code}, {"severity", severity}, {"subject", subject}});

    audit::Effect effect;
    effect.ops.push_back(store::insertFinding(code, subject, day));
    effect.events.push_back(std::move(event));
    std::promise<base::Result<void>> done;
    auto outcome = done.get_future();
    ledger_.append(std::move(effect), [&done](base::Result<audit::Committed> committed) {
        done.set_value(committed ? base::Result<void>() : base::Result<void>(std::move(committed).error()));
    });
    auto result = outcome.get();
    if (!result && result.error().code == Errc::Exists) return {};
    return result;
}

}  // namespace agentidp::compliance
