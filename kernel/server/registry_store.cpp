#include "server/registry_store.h"

#include <map>

#include "registry/render.h"
#include "store/agents.h"
#include "store/credentials.h"
#include "store/organizations.h"

namespace agentidp::server {
namespace {

template <class Enum>
std::optional<std::string> wordOf(const std::optional<Enum>& value) {
    if (!value) return std::nullopt;
    return std::string(registry::wordOf(*value));
}

}  // namespace

base::Result<model::Agent> RegistryAgents::find(const model::AgentId& id) {
    auto agent = store::Agents(storage_, clock_).find(id);
    if (!agent) return agent;
    const auto organization = store::Organizations(storage_, clock_).findByNum(agent->organizationNum);
    if (!organization) return organization.error();
    agent->organizationId = organization->id;
    return agent;
}

base::Result<std::vector<model::Agent>> RegistryAgents::list(const registry::AgentFilter& filter, std::optional<std::int64_t> before,
                                                             std::uint32_t limit) {
    store::AgentFilter narrowed;
    narrowed.organizationNum = filter.organizationNum;
    narrowed.status = wordOf(filter.status);
    narrowed.owner = filter.owner;
    narrowed.agentType = filter.agentType;
    narrowed.deploymentEnv = wordOf(filter.deploymentEnv);
    auto agents = store::Agents(storage_, clock_).list(narrowed, before, limit);
    if (!agents) return agents;
    std::map<std::int64_t, model::OrganizationId> known;
    for (auto& agent : *agents) {
        auto found = known.find(agent.organizationNum);
        if (found == known.end()) {
            auto organization = store::Organizations(storage_, clock_).findByNum(agent.organizationNum);
            if (!organization) return organization.error();
            found = known.emplace(agent.organizationNum, organization->id).first;
        }
        agent.organizationId = found->second;
    }
    return agents;
}

base::Result<model::Organization> RegistryOrganizations::find(const model::OrganizationId& id) {
    return store::Organizations(storage_, clock_).find(id);
}

base::Result<std::vector<model::Organization>> RegistryOrganizations::list(std::optional<std::int64_t> before, std::uint32_t limit) {
    return store::Organizations(storage_, clock_).list(before, limit);
}

base::Result<model::Credential> RegistryCredentials::find(const model::CredentialId& id) {
    return store::Credentials(storage_, clock_).find(id);
}

base::Result<std::vector<model::Credential>> RegistryCredentials::list(std::int64_t agentNum, std::optional<model::CredentialStatus> status,
                                                                       std::optional<registry::CredentialPosition> before,
                                                                       std::uint32_t limit) {
    std::optional<store::Credentials::Position> position;
    if (before) position = store::Credentials::Position{before->createdAt, before->id};
    return store::Credentials(storage_, clock_).list(agentNum, wordOf(status), position, limit);
}

}  // namespace agentidp::server
