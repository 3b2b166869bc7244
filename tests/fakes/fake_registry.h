#pragma once
/// @file tests/fakes/fake_registry.h
/// The registry's ports over three maps, and the commit: a Mutation is applied whole or not at all, with the same
/// expectations and unique values that storage has.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/mutation.h"
#include "registry/ports.h"

namespace agentidp::tests {

class FakeRegistry final : public registry::Agents, public registry::Organizations, public registry::Credentials {
public:
    base::Result<model::Agent> find(const model::AgentId& id) override { return lookUp(agents, id.str()); }
    base::Result<model::Organization> find(const model::OrganizationId& id) override { return lookUp(organizations, id.str()); }
    base::Result<model::Credential> find(const model::CredentialId& id) override { return lookUp(credentials, id.str()); }

    base::Result<std::vector<model::Agent>> list(const registry::AgentFilter& filter, std::optional<std::int64_t> before,
                                                 std::uint32_t limit) override {
        if (failure) return *failure;
        std::vector<model::Agent> out;
        for (const auto& [id, agent] : agents) {
            const bool wanted = (!filter.organizationNum || agent.organizationNum == *filter.organizationNum) &&
                                (!filter.status || agent.status == *filter.status) && (!filter.owner || agent.owner == *filter.owner) &&
                                (!filter.agentType || agent.agentType == *filter.agentType) &&
                                (!filter.deploymentEnv || agent.deploymentEnv == *filter.deploymentEnv) && (!before || agent.num < *before);
            if (wanted) out.push_back(agent);
        }
        std::sort(out.begin(), out.end(), [](const auto& left, const auto& right) { return left.num > right.num; });
        return cut(std::move(out), limit);
    }
    base::Result<std::vector<model::Organization>> list(std::optional<std::int64_t> before, std::uint32_t limit) override {
        if (failure) return *failure;
        std::vector<model::Organization> out;
        for (const auto& [id, organization] : organizations)
            if (!before || organization.num < *before) out.push_back(organization);
        std::sort(out.begin(), out.end(), [](const auto& left, const auto& right) { return left.num > right.num; });
        return cut(std::move(out), limit);
    }
    base::Result<std::vector<model::Credential>> list(std::int64_t agentNum, std::optional<model::CredentialStatus> status,
                                                      std::optional<registry::CredentialPosition> before, std::uint32_t limit) override {
        if (failure) return *failure;
        const auto key = [](const model::Credential& credential) { return std::pair(credential.createdAt, credential.id.str()); };
        std::vector<model::Credential> out;
        for (const auto& [id, credential] : credentials)
            if (credential.agentNum == agentNum && (!status || credential.status == *status) &&
                (!before || key(credential) < std::pair(before->createdAt, before->id)))
                out.push_back(credential);
        std::sort(out.begin(), out.end(), [&](const auto& left, const auto& right) { return key(left) > key(right); });
        return cut(std::move(out), limit);
    }

    base::Result<void> apply(const model::Mutation& mutation) {
        auto next = *this;
        for (const auto& change : mutation.changes)
            if (auto done = std::visit([&](const auto& one) { return next.run(one); }, change); !done) return done;
        agents = std::move(next.agents);
        organizations = std::move(next.organizations);
        credentials = std::move(next.credentials);
        events.insert(events.end(), mutation.events.begin(), mutation.events.end());
        return {};
    }

    std::map<std::string, model::Agent> agents;
    std::map<std::string, model::Organization> organizations;
    std::map<std::string, model::Credential> credentials;
    std::vector<model::AuditEvent> events;
    std::optional<base::Error> failure;

private:
    template <class T>
    base::Result<T> lookUp(const std::map<std::string, T>& table, const std::string& id) const {
        if (failure) return *failure;
        const auto found = table.find(id);
        if (found == table.end()) return base::fail(base::Errc::NotFound, "no such object");
        return found->second;
    }
    template <class T>
    static std::vector<T> cut(std::vector<T> all, std::uint32_t limit) {
        if (all.size() > limit) all.erase(all.begin() + limit, all.end());
        return all;
    }
    static base::Result<void> holds(bool expectation) {
        if (!expectation) return base::fail(base::Errc::Conflict, "an expectation did not hold");
        return {};
    }

    base::Result<void> run(const model::InsertAgent& change) {
        for (const auto& [id, agent] : agents)
            if (agent.organizationNum == change.agent.organizationNum && agent.email == change.agent.email)
                return base::fail(base::Errc::Exists, "taken");
        agents.emplace(change.agent.id.str(), change.agent);
        return {};
    }
    base::Result<void> run(const model::UpdateAgent& change) {
        auto& stored = agents.at(change.agent.id.str());
        if (auto held = holds(stored.rowVersion == change.expectedVersion && change.agent.rowVersion == change.expectedVersion + 1); !held)
            return held;
        stored = change.agent;
        return {};
    }
    base::Result<void> run(const model::InsertCredential& change) {
        credentials.emplace(change.credential.id.str(), change.credential);
        return {};
    }
    base::Result<void> run(const model::UpdateCredential& change) {
        auto& stored = credentials.at(change.credential.id.str());
        if (auto held = holds(stored.rowVersion == change.expectedVersion && change.credential.rowVersion == change.expectedVersion + 1);
            !held)
            return held;
        stored = change.credential;
        return {};
    }
    base::Result<void> run(const model::InsertOrganization& change) {
        for (const auto& [id, organization] : organizations)
            if (organization.slug == change.organization.slug) return base::fail(base::Errc::Exists, "taken");
        organizations.emplace(change.organization.id.str(), change.organization);
        return {};
    }
    base::Result<void> run(const model::UpdateOrganization& change) {
        auto& stored = organizations.at(change.organization.id.str());
        if (auto held = holds(stored.version == change.expectedVersion && change.organization.version == change.expectedVersion + 1); !held)
            return held;
        stored = change.organization;
        return {};
    }
    base::Result<void> run(const model::RevokeToken&) {
        return base::fail(base::Errc::Internal, "", "no rule of the registry revokes tokens");
    }
    base::Result<void> run(const model::ExpectAgent& change) {
        for (const auto& [id, agent] : agents)
            if (agent.num == change.agentNum) return holds(agent.rowVersion == change.version);
        return holds(false);
    }
    base::Result<void> run(const model::ExpectActiveCredentials& change) {
        const auto count = std::count_if(credentials.begin(), credentials.end(), [&](const auto& entry) {
            return entry.second.agentNum == change.agentNum && entry.second.status == model::CredentialStatus::Active;
        });
        return holds(count == change.count);
    }
};

}  // namespace agentidp::tests
