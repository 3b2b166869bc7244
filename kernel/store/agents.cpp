#include "store/agents.h"

#include "base/json.h"
#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::store {
namespace {

constexpr std::string_view kTable = "agents";
const std::vector<std::string_view> kColumns{
    "num",    "id",     "organization_num", "email",  "agent_type",        "version",    "capabilities", "owner",      "deployment_env",
    "scopes", "claims", "labels",           "status", "tokens_not_before", "created_at", "updated_at",   "row_version"};

std::string jsonOfLabels(const std::map<std::string, std::string>& labels) {
    std::string out;
    base::json::Writer writer(out);
    writer.beginObject();
    for (const auto& [name, value] : labels) writer.key(name).text(value);
    writer.endObject();
    return out;
}

bool labelsOfJson(std::string_view json, std::map<std::string, std::string>& out) {
    const auto parsed = base::json::parse(json);
    if (!parsed || parsed->asObject() == nullptr) return false;
    for (const auto& [name, value] : *parsed->asObject()) {
        if (value.asText() == nullptr) return false;
        out.emplace(name, *value.asText());
    }
    return true;
}

std::vector<plugin::Assign> changeable(const model::Agent& agent) {
    return {{"email", agent.email},
            {"agent_type", agent.agentType},
            {"version", agent.version},
            {"capabilities", plugin::JsonText{jsonOfTexts(agent.capabilities)}},
            {"owner", agent.owner},
            {"deployment_env", std::string(nameOf(agent.deploymentEnv))},
            {"scopes", plugin::JsonText{jsonOfTexts(agent.scopes)}},
            {"claims", plugin::JsonText{agent.claimsJson}},
            {"labels", plugin::JsonText{jsonOfLabels(agent.labels)}},
            {"status", std::string(nameOf(agent.status))},
            {"tokens_not_before", orNull(agent.tokensNotBefore)},
            {"updated_at", agent.updatedAt}};
}

template <class Enum>
Enum enumNamed(std::string_view name, std::initializer_list<Enum> all, RowReader& reader) {
    for (const auto value : all)
        if (nameOf(value) == name) return value;
    reader.refuse();
    return *all.begin();
}

}  // namespace

std::string_view nameOf(model::AgentStatus status) {
    switch (status) {
        case model::AgentStatus::Active: return "active";
        case model::AgentStatus::Suspended: return "suspended";
        case model::AgentStatus::Decommissioned: break;
    }
    return "decommissioned";
}

std::string_view nameOf(model::DeploymentEnv env) {
    switch (env) {
        case model::DeploymentEnv::Development: return "development";
        case model::DeploymentEnv::Staging: return "staging";
        case model::DeploymentEnv::Production: break;
    }
    return "production";
}

plugin::Op insertAgent(const model::Agent& agent) {
    auto set = changeable(agent);
    set.push_back({"num", agent.num});
    set.push_back({"id", agent.id.str()});
    set.push_back({"organization_num", agent.organizationNum});
    set.push_back({"created_at", agent.createdAt});
    set.push_back({"row_version", agent.rowVersion});
    return plugin::insertInto(kTable, std::move(set));
}

plugin::Op updateAgent(const model::Agent& agent, std::int64_t expected) {
    auto set = changeable(agent);
    set.push_back({"row_version", expected + 1});
    return plugin::update(kTable, std::move(set),
                          {{"num", plugin::Compare::Eq, {agent.num}}, {"row_version", plugin::Compare::Eq, {expected}}}, 1);
}

plugin::Op selectAgent(const model::AgentId& id) { return plugin::select(kTable, kColumns, {{"id", plugin::Compare::Eq, {id.str()}}}); }

base::Result<model::Agent> agentOf(const plugin::Row& row) {
    RowReader reader(row);
    model::Agent agent;
    agent.num = reader.integer();
    agent.id = model::AgentId(reader.text());
    agent.organizationNum = reader.integer();
    agent.email = reader.text();
    agent.agentType = reader.text();
    agent.version = reader.text();
    if (!textsOfJson(reader.json(), agent.capabilities)) reader.refuse();
    agent.owner = reader.text();
    agent.deploymentEnv = enumNamed(
        reader.text(), {model::DeploymentEnv::Development, model::DeploymentEnv::Staging, model::DeploymentEnv::Production}, reader);
    if (!textsOfJson(reader.json(), agent.scopes)) reader.refuse();
    agent.claimsJson = reader.json();
    if (!labelsOfJson(reader.json(), agent.labels)) reader.refuse();
    agent.status =
        enumNamed(reader.text(), {model::AgentStatus::Active, model::AgentStatus::Suspended, model::AgentStatus::Decommissioned}, reader);
    agent.tokensNotBefore = reader.timeOrNull();
    agent.createdAt = reader.time();
    agent.updatedAt = reader.time();
    agent.rowVersion = reader.integer();
    if (auto verdict = reader.verdict(kTable); !verdict) return verdict.error();
    return agent;
}

base::Result<model::Agent> Agents::find(const model::AgentId& id) const {
    return readOne<model::Agent>(storage_, clock_, selectAgent(id), agentOf);
}

base::Result<model::Agent> Agents::findByNum(std::int64_t num) const {
    return readOne<model::Agent>(storage_, clock_, plugin::select(kTable, kColumns, {{"num", plugin::Compare::Eq, {num}}}), agentOf);
}

base::Result<std::vector<model::Agent>> Agents::list(const AgentFilter& filter, std::optional<std::int64_t> before,
                                                     std::uint32_t limit) const {
    std::vector<plugin::Where> where;
    const auto narrow = [&](std::string_view column, const std::optional<std::string>& value) {
        if (value) where.push_back({column, plugin::Compare::Eq, {*value}});
    };
    if (filter.organizationNum) where.push_back({"organization_num", plugin::Compare::Eq, {*filter.organizationNum}});
    narrow("status", filter.status);
    narrow("owner", filter.owner);
    narrow("agent_type", filter.agentType);
    narrow("deployment_env", filter.deploymentEnv);
    if (before) where.push_back({"num", plugin::Compare::Lt, {*before}});
    return readAll<model::Agent>(storage_, clock_, plugin::select(kTable, kColumns, std::move(where), limit, {{"num", true}}), agentOf);
}

}  // namespace agentidp::store
