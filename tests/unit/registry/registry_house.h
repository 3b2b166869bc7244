#pragma once
/// @file tests/unit/registry/registry_house.h
/// `system` and two tenants, an admin of each, and requests as values.
#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "base/ids.h"
#include "base/json.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_registry.h"
#include "registry/agents.h"
#include "registry/credentials.h"
#include "registry/organizations.h"

namespace agentidp::tests {

class OnePepper final : public registry::Peppers {
public:
    [[nodiscard]] base::Result<crypto::Digest256> mac(std::string_view, base::BytesView secret) const override { return hmac_.mac(secret); }
    [[nodiscard]] std::string currentId() const override { return id; }
    std::string id = "pepper-1";

private:
    crypto::HmacSha256 hmac_{base::bytesOf("pepper")};
};

struct RegistryHouse {
    RegistryHouse() {
        addOrganization(1, "system");
        addOrganization(2, "tenant-a");
        addOrganization(3, "tenant-b");
        operatorOfPlatform = addAgent(1, "root@system.example", {"admin:orgs", "agents:read", "agents:write", "audit:read"});
        adminA = addAgent(2, "admin@a.example", {"agents:read", "agents:write", "tokens:introspect"});
        adminB = addAgent(3, "admin@b.example", {"agents:read", "agents:write"});
    }

    static std::string organizationId(std::int64_t num) { return "aaaaaaaa-0000-4000-8000-00000000000" + std::to_string(num); }

    void addOrganization(std::int64_t num, const std::string& slug) {
        model::Organization organization;
        organization.num = num;
        organization.id = model::OrganizationId(organizationId(num));
        organization.name = slug;
        organization.slug = slug;
        registry.organizations.emplace(organization.id.str(), organization);
    }
    /// The agent as a caller whose token holds everything the agent may ask for.
    model::Caller addAgent(std::int64_t organization, const std::string& email, std::vector<std::string> scopes) {
        model::Agent agent;
        agent.num = ++lastNum;
        agent.id = model::AgentId(base::uuidV4());
        agent.organizationNum = organization;
        agent.organizationId = model::OrganizationId(organizationId(organization));
        agent.email = email;
        agent.agentType = "worker";
        agent.version = "1";
        agent.owner = "Team";
        agent.scopes = model::normalised(std::move(scopes));
        agent.createdAt = clock.now();
        agent.updatedAt = clock.now();
        registry.agents.emplace(agent.id.str(), agent);
        return callerFor(agent);
    }
    static model::Caller callerFor(const model::Agent& agent) {
        model::Caller caller;
        caller.agentId = agent.id;
        caller.agentNum = agent.num;
        caller.organizationId = agent.organizationId;
        caller.organizationNum = agent.organizationNum;
        caller.scopes = agent.scopes;
        return caller;
    }
    static model::Caller machineOwner() {
        model::Caller caller;
        caller.kind = model::CallerKind::Operator;
        caller.name = "cli:0";
        return caller;
    }

    /// Asks as `caller`; `run` gets the Asker. A ruling that is an answer is committed.
    template <class Run>
    registry::Ruling as(const model::Caller& caller, Run run, std::string_view ifMatch = {}) {
        const model::Origin origin{"request-1", "192.0.2.1", "test/1", clock.now()};
        auto ruling = run(registry::Asker{caller, origin, ifMatch});
        if (ruling.ok() && !ruling.mutation.empty()) {
            const auto done = registry.apply(ruling.mutation);
            CPPUNIT_ASSERT_MESSAGE(done ? "" : done.error().hint, done.ok());
        }
        if (!ruling.ok()) CPPUNIT_ASSERT(ruling.mutation.changes.empty());
        return ruling;
    }
    static base::json::Value json(std::string_view text) { return base::json::parse(text).value(); }
    registry::Ruling createAgent(const model::Caller& caller, std::string_view body) {
        return as(caller, [&](const registry::Asker& asker) { return agents.create(asker, json(body)); });
    }
    registry::Ruling readAgent(const model::Caller& caller, std::string_view id) {
        return as(caller, [&](const registry::Asker& asker) { return agents.read(asker, id); });
    }
    registry::Ruling updateAgent(const model::Caller& caller, std::string_view id, std::string_view body, std::string_view ifMatch = {}) {
        return as(
            caller, [&](const registry::Asker& asker) { return agents.update(asker, id, json(body)); }, ifMatch);
    }
    registry::Ruling decommission(const model::Caller& caller, std::string_view id) {
        return as(caller, [&](const registry::Asker& asker) { return agents.decommission(asker, id); });
    }
    registry::Ruling listAgents(const model::Caller& caller, const registry::Query& query) {
        return as(caller, [&](const registry::Asker& asker) { return agents.list(asker, query); });
    }
    registry::Ruling createCredential(const model::Caller& caller, std::string_view agent, std::string_view body = "{}") {
        return as(caller, [&](const registry::Asker& asker) { return credentials.create(asker, agent, json(body)); });
    }
    registry::Ruling rotate(const model::Caller& caller, std::string_view agent, std::string_view id, std::string_view body = "{}") {
        return as(caller, [&](const registry::Asker& asker) { return credentials.rotate(asker, agent, id, json(body)); });
    }
    registry::Ruling revoke(const model::Caller& caller, std::string_view agent, std::string_view id) {
        return as(caller, [&](const registry::Asker& asker) { return credentials.revoke(asker, agent, id); });
    }
    registry::Ruling createOrganization(const model::Caller& caller, std::string_view body) {
        return as(caller, [&](const registry::Asker& asker) { return organizations.create(asker, json(body)); });
    }
    registry::Ruling updateOrganization(const model::Caller& caller, std::string_view id, std::string_view body,
                                        std::string_view ifMatch = {}) {
        return as(
            caller, [&](const registry::Asker& asker) { return organizations.update(asker, id, json(body)); }, ifMatch);
    }

    static const model::Answer& answer(const registry::Ruling& ruling) {
        const auto* problem = std::get_if<model::Problem>(&ruling.outcome);
        std::string why;
        if (problem != nullptr) {
            why = std::string(model::nameOf(problem->code)) + ": " + problem->detail;
            for (const auto& error : problem->errors) why += " [" + error.pointer + " " + error.detail + "]";
        }
        CPPUNIT_ASSERT_MESSAGE(why, ruling.ok());
        return std::get<model::Answer>(ruling.outcome);
    }
    static base::json::Value body(const registry::Ruling& ruling) { return json(answer(ruling).body); }
    static const model::Problem& problem(const registry::Ruling& ruling) {
        CPPUNIT_ASSERT(!ruling.ok());
        return std::get<model::Problem>(ruling.outcome);
    }
    static std::string codeOf(const registry::Ruling& ruling) { return std::string(model::nameOf(problem(ruling).code)); }
    static std::string pointersOf(const registry::Ruling& ruling) {
        std::string out;
        for (const auto& error : problem(ruling).errors) out += error.pointer + " ";
        return out;
    }
    static std::string header(const model::Answer& answer, std::string_view name) {
        for (const auto& [key, value] : answer.headers)
            if (key == name) return value;
        return {};
    }

    FakeClock clock;
    FakeRegistry registry;
    OnePepper peppers;
    std::int64_t lastNum = 100;
    model::Caller operatorOfPlatform, adminA, adminB;
    registry::Cursors cursors{base::bytesOf("cursor key")};
    registry::AgentRules agents{{registry, registry, registry, cursors}, {"x_*"}};
    registry::CredentialRules credentials{{registry, registry, peppers, cursors}};
    registry::OrganizationRules organizations{{registry, cursors}};
};

inline constexpr std::string_view kAgentBody =
    R"({"email":"bot@a.example","agentType":"screener","owner":"Team","scopes":["agents:read"],"version":"1.2.0",)"
    R"("capabilities":["resume:read"],"deploymentEnv":"production","claims":{"x_team":"blue"},"labels":{"tier":"one"}})";

}  // namespace agentidp::tests
