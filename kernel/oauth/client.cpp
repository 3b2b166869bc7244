#include "oauth/client.h"

#include "base/json.h"

namespace agentidp::oauth {
namespace {

std::optional<std::int64_t> limitNamed(const base::json::Value& limits, std::string_view name) {
    const auto* member = limits.find(name);
    const auto* number = member != nullptr ? member->asInt() : nullptr;
    if (number == nullptr || *number < 0) return std::nullopt;
    return *number;
}

}  // namespace

bool Client::active() const {
    return agent.status == model::AgentStatus::Active && organization.status == model::OrganizationStatus::Active;
}

bool Client::supersedes(std::int64_t issuedAtSeconds) const {
    return agent.tokensNotBefore && issuedAtSeconds <= base::epochSecondsOf(*agent.tokensNotBefore);
}

Tenant tenantOf(const model::Organization& organization) {
    Tenant tenant{organization.num, organization.id, organization.status, {}, {}};
    if (const auto limits = base::json::parse(organization.limitsJson)) {
        tenant.requestsPerMinute = limitNamed(*limits, "requestsPerMinute");
        tenant.tokensPerMonth = limitNamed(*limits, "tokensPerMonth");
    }
    return tenant;
}

ClientPtr makeClient(model::Agent agent, Tenant organization, std::vector<model::Credential> credentials, bool secretsMissing) {
    auto client = std::make_shared<Client>();
    client->agent = std::move(agent);
    client->organization = std::move(organization);
    client->credentials = std::move(credentials);
    client->secretsMissing = secretsMissing;
    return client;
}

model::Caller callerOf(const Client& client) {
    model::Caller caller;
    caller.agentId = client.agent.id;
    caller.agentNum = client.agent.num;
    caller.organizationId = client.organization.id;
    caller.organizationNum = client.organization.num;
    caller.scopes = client.agent.scopes;
    return caller;
}

}  // namespace agentidp::oauth
