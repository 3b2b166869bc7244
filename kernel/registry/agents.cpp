#include "registry/agents.h"

#include "base/ids.h"
#include "base/text.h"
#include "registry/access.h"
#include "registry/fields.h"
#include "registry/number.h"
#include "registry/render.h"

namespace agentidp::registry {
namespace {

constexpr std::string_view kRead = "agents:read";
constexpr std::string_view kWrite = "agents:write";
constexpr std::size_t kMaxCapabilities = 64;
constexpr std::uint32_t kMaxStoredCredentials = 100;

const std::vector<std::string_view> kEnvironments{"development", "staging", "production"};
/// The end is DELETE, not a status to be set.
const std::vector<std::string_view> kSettableStatus{"active", "suspended"};
const std::vector<std::string_view> kFilters{"status", "owner", "agentType", "deploymentEnv", "organizationId"};

/// Sets what the body names and remembers which members really changed, in their order.
class Changes {
public:
    template <class T>
    void apply(std::string_view name, std::optional<T> value, T& member) {
        if (!value || *value == member) return;
        member = *std::move(value);
        if (!names_.empty()) names_.push_back(',');
        names_.append(name);
    }
    [[nodiscard]] bool any() const { return !names_.empty(); }
    [[nodiscard]] const std::string& names() const { return names_; }

private:
    std::string names_;
};

/// The members that POST and PATCH share.
void readInto(model::Agent& agent, Fields& fields, Changes& changes, const std::vector<std::string>& claimsAllowed) {
    changes.apply("email", fields.text("email", TextKind::Email), agent.email);
    changes.apply("agentType", fields.text("agentType", TextKind::Identifier), agent.agentType);
    changes.apply("version", fields.text("version", TextKind::Identifier), agent.version);
    changes.apply("capabilities", fields.texts("capabilities", TextKind::Capability, kMaxCapabilities), agent.capabilities);
    changes.apply("owner", fields.text("owner", TextKind::Display), agent.owner);
    std::optional<model::DeploymentEnv> env;
    if (const auto word = fields.word("deploymentEnv", kEnvironments)) env = deploymentEnvNamed(*word);
    changes.apply("deploymentEnv", env, agent.deploymentEnv);
    changes.apply("scopes", fields.scopes("scopes"), agent.scopes);
    changes.apply("claims", fields.claims("claims", claimsAllowed), agent.claimsJson);
    changes.apply("labels", fields.labels("labels"), agent.labels);
}

model::AuditEvent eventAbout(const model::Agent& agent, const Asker& asker, model::Action action) {
    auto event = model::beginEvent(action, model::Outcome::Success, asker.origin, asker.caller.actor());
    model::setSubject(event, agent);
    return event;
}

Ruling platformScopeElsewhere() {
    return refuse(model::invalid({{"/scopes", "admin:orgs is only for agents of the organization `system`"}}));
}

bool wantsPlatform(const model::Agent& agent) { return model::contains(agent.scopes, model::kPlatformScope); }

std::string locationOf(const model::Agent& agent) { return "/api/v1/agents/" + agent.id.str(); }

/// What hooks want kept with the event.
model::Decided<std::string, model::Problem> policySays(const Asker& asker, std::string_view operation, const model::Agent& agent) {
    if (asker.policy == nullptr) return std::string("{}");
    return asker.policy->agent(operation, agent);
}

}  // namespace

model::Decided<model::Organization, Ruling> AgentRules::organizationFor(const Asker& asker, const std::string* wanted) const {
    const auto& own = asker.caller.organizationId.str();
    const auto& id = wanted != nullptr ? *wanted : own;
    if (!base::isUuid(id)) return notFound(asker, "organization", id, false);
    if (id != own && !asker.caller.platform()) {
        const bool exists = ports_.organizations.find(model::OrganizationId(id)).ok();
        return notFound(asker, "organization", id, exists);
    }
    auto organization = ports_.organizations.find(model::OrganizationId(id));
    if (organization) return *std::move(organization);
    if (organization.error().code == base::Errc::NotFound) return notFound(asker, "organization", id, false);
    return refuse(model::problemOf(organization.error()));
}

Ruling AgentRules::create(const Asker& asker, const base::json::Value& body) const {
    if (auto refused = needScope(asker, kWrite)) return *std::move(refused);
    model::Agent agent;
    agent.version = "1";
    Fields fields(body);
    Changes changes;
    readInto(agent, fields, changes, claimsAllowed_);
    for (const auto* name : {"email", "agentType", "owner"}) fields.require(name);
    const auto wanted = fields.text("organizationId", TextKind::Identifier);
    if (asker.caller.kind == model::CallerKind::Operator) fields.require("organizationId");
    if (auto errors = fields.finish(); !errors.empty()) return refuse(model::invalid(std::move(errors)));

    auto organization = organizationFor(asker, wanted ? &*wanted : nullptr);
    if (!organization) return std::move(organization).refusal();
    if (auto refused = needReach(asker, agent.scopes)) return *std::move(refused);
    if (wantsPlatform(agent) && organization->slug != model::kSystemSlug) return platformScopeElsewhere();
    if (organization->status != model::OrganizationStatus::Active)
        return refuse(model::problem(model::ProblemCode::Conflict, "the organization is suspended"));

    agent.num = allocateNumber(asker.origin.at);
    agent.id = model::AgentId(base::uuidV4());
    agent.organizationNum = organization->num;
    agent.organizationId = organization->id;
    agent.createdAt = asker.origin.at;
    agent.updatedAt = asker.origin.at;
    auto said = policySays(asker, "create", agent);
    if (!said) return refuse(std::move(said).refusal());
    auto ruling = answered(201, agentJson(agent), etagOf(agent.rowVersion));
    std::get<model::Answer>(ruling.outcome).headers.emplace_back("Location", locationOf(agent));
    auto event = eventAbout(agent, asker, model::Action::AgentCreated);
    event.metadataJson =
        metadata({{"agentType", agent.agentType}, {"deploymentEnv", wordOf(agent.deploymentEnv)}, {"scopes", model::joined(agent.scopes)}});
    event.extJson = *std::move(said);
    ruling.mutation.events.push_back(std::move(event));
    ruling.mutation.changes.emplace_back(model::InsertAgent{std::move(agent)});
    return ruling;
}

Ruling AgentRules::read(const Asker& asker, std::string_view agentId) const {
    if (asker.caller.agentId.str() != agentId)
        if (auto refused = needScope(asker, kRead)) return *std::move(refused);
    auto agent = visibleAgent(ports_.agents, asker, agentId);
    if (!agent) return std::move(agent).refusal();
    return answered(200, agentJson(*agent), etagOf(agent->rowVersion));
}

Ruling AgentRules::list(const Asker& asker, const Query& query) const {
    if (auto refused = needScope(asker, kRead)) return *std::move(refused);
    const auto scope = "agents/" + asker.caller.organizationId.str();
    auto page = parsePage(query, kFilters, ports_.cursors, scope);
    if (!page) return refuse(std::move(page).refusal());
    AgentFilter filter;
    std::vector<model::FieldError> errors;
    if (const auto& status = page->filters[0]) {
        filter.status = agentStatusNamed(*status);
        if (!filter.status) errors.push_back({"?status", "must be active, suspended or decommissioned"});
    }
    filter.owner = page->filters[1];
    filter.agentType = page->filters[2];
    if (const auto& env = page->filters[3]) {
        filter.deploymentEnv = deploymentEnvNamed(*env);
        if (!filter.deploymentEnv) errors.push_back({"?deploymentEnv", "must be development, staging or production"});
    }
    if (!errors.empty()) return refuse(model::invalid(std::move(errors)));
    const auto& wanted = page->filters[4];
    // An operator has no organization of its own: without the filter it sees all.
    if (wanted || asker.caller.kind == model::CallerKind::Agent) {
        auto organization = organizationFor(asker, wanted ? &*wanted : nullptr);
        if (!organization) return std::move(organization).refusal();
        filter.organizationNum = organization->num;
    }

    std::optional<std::int64_t> before;
    if (page->after) before = page->after->number;
    auto agents = ports_.agents.list(filter, before, page->limit + 1);
    if (!agents) return refuse(model::problemOf(agents.error()));
    std::optional<std::string> cursor;
    if (agents->size() > page->limit) {
        agents->resize(page->limit);
        cursor = ports_.cursors.encode({agents->back().num, {}}, filterKey(scope, *page));
    }
    std::vector<std::string> items;
    items.reserve(agents->size());
    for (const auto& agent : *agents) items.push_back(agentJson(agent));
    return answered(200, pageBody(items, cursor));
}

Ruling AgentRules::update(const Asker& asker, std::string_view agentId, const base::json::Value& body) const {
    if (auto refused = needScope(asker, kWrite)) return *std::move(refused);
    auto found = visibleAgent(ports_.agents, asker, agentId);
    if (!found) return std::move(found).refusal();
    const auto& before = *found;
    auto agent = before;
    Fields fields(body);
    Changes changes;
    readInto(agent, fields, changes, claimsAllowed_);
    if (const auto word = fields.word("status", kSettableStatus)) agent.status = *agentStatusNamed(*word);
    if (auto errors = fields.finish(); !errors.empty()) return refuse(model::invalid(std::move(errors)));
    if (!ifMatchHolds(asker.ifMatch, before.rowVersion))
        return refuse(model::problem(model::ProblemCode::PreconditionFailed, "the agent has changed since it was read"));
    if (before.status == model::AgentStatus::Decommissioned)
        return refuse(model::problem(model::ProblemCode::Conflict, "the agent is decommissioned, which is final"));
    if (auto refused = needReach(asker, agent.scopes)) return *std::move(refused);
    if (wantsPlatform(agent) && !wantsPlatform(before)) {
        const auto id = agent.organizationId.str();
        auto organization = organizationFor(asker, &id);
        if (!organization) return std::move(organization).refusal();
        if (organization->slug != model::kSystemSlug) return platformScopeElsewhere();
    }
    const bool turned = agent.status != before.status;
    if (!changes.any() && !turned) return answered(200, agentJson(before), etagOf(before.rowVersion));

    agent.updatedAt = asker.origin.at;
    agent.rowVersion = before.rowVersion + 1;
    const bool onlySuspends = !changes.any() && agent.status == model::AgentStatus::Suspended;
    auto said = onlySuspends ? model::Decided<std::string, model::Problem>("{}") : policySays(asker, "update", agent);
    if (!said) return refuse(std::move(said).refusal());
    if (turned && agent.status == model::AgentStatus::Suspended) endTokens(agent, asker.origin.at);
    auto ruling = answered(200, agentJson(agent), etagOf(agent.rowVersion));
    if (changes.any()) {
        auto event = eventAbout(agent, asker, model::Action::AgentUpdated);
        event.metadataJson = metadata({{"changed", changes.names()}, {"scopes", model::joined(agent.scopes)}});
        event.extJson = *std::move(said);
        ruling.mutation.events.push_back(std::move(event));
    }
    if (turned) {
        const bool suspended = agent.status == model::AgentStatus::Suspended;
        ruling.mutation.events.push_back(
            eventAbout(agent, asker, suspended ? model::Action::AgentSuspended : model::Action::AgentReactivated));
    }
    ruling.mutation.changes.emplace_back(model::UpdateAgent{std::move(agent), before.rowVersion});
    return ruling;
}

Ruling AgentRules::decommission(const Asker& asker, std::string_view agentId) const {
    if (auto refused = needScope(asker, kWrite)) return *std::move(refused);
    auto found = visibleAgent(ports_.agents, asker, agentId);
    if (!found) return std::move(found).refusal();
    auto agent = *std::move(found);
    if (!ifMatchHolds(asker.ifMatch, agent.rowVersion))
        return refuse(model::problem(model::ProblemCode::PreconditionFailed, "the agent has changed since it was read"));
    if (auto refused = needReach(asker, agent.scopes)) return *std::move(refused);
    auto ruling = answered(204, {});
    if (agent.status == model::AgentStatus::Decommissioned) return ruling;
    auto credentials = ports_.credentials.list(agent.num, model::CredentialStatus::Active, std::nullopt, kMaxStoredCredentials);
    if (!credentials) return refuse(model::problemOf(credentials.error()));

    auto& changes = ruling.mutation.changes;
    changes.emplace_back(model::ExpectActiveCredentials{agent.num, static_cast<std::int64_t>(credentials->size())});
    for (auto& credential : *credentials) {
        credential.status = model::CredentialStatus::Revoked;
        credential.revokedAt = asker.origin.at;
        credential.previousMac.reset();
        credential.previousPepperId.clear();
        credential.previousUntil.reset();
        if (!credential.vaultPath.empty()) ruling.secrets.forget.push_back(std::move(credential.vaultPath));
        credential.vaultPath.clear();
        const auto expected = credential.rowVersion++;
        changes.emplace_back(model::UpdateCredential{std::move(credential), expected});
    }
    agent.status = model::AgentStatus::Decommissioned;
    endTokens(agent, asker.origin.at);
    agent.updatedAt = asker.origin.at;
    const auto expected = agent.rowVersion++;
    ruling.mutation.events.push_back(eventAbout(agent, asker, model::Action::AgentDecommissioned));
    changes.emplace_back(model::UpdateAgent{std::move(agent), expected});
    return ruling;
}

}  // namespace agentidp::registry
