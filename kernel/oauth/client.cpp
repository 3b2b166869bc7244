#include "oauth/client.h"

#include <algorithm>

#include "base/json.h"

namespace agentidp::oauth {
namespace {

constexpr base::seconds kUseNoted{60};
static_assert(model::kMaxActiveCredentials < 16);

std::optional<std::int64_t> limitNamed(const base::json::Value& limits, std::string_view name) {
    const auto* member = limits.find(name);
    const auto* number = member != nullptr ? member->asInt() : nullptr;
    if (number == nullptr || *number < 0) return std::nullopt;
    return *number;
}

}  // namespace

bool UseMark::isFirst(std::size_t which, base::Instant at) const {
    constexpr std::int64_t kPlaces = 16;
    const std::int64_t now = base::epochSecondsOf(at);
    std::int64_t last = last_.load(std::memory_order_relaxed);
    const bool same = last % kPlaces == static_cast<std::int64_t>(which);
    const std::int64_t since = now - last / kPlaces;
    // A clock that was set back is noted by.
    if (same && since >= 0 && since < kUseNoted.count()) return false;
    return last_.compare_exchange_strong(last, now * kPlaces + static_cast<std::int64_t>(which), std::memory_order_relaxed);
}

bool Client::isFirstUse(const model::CredentialId& credential, base::Instant at) const {
    const auto used = std::find_if(credentials.begin(), credentials.end(), [&](const auto& each) { return each.id == credential; });
    return used == credentials.end() || uses.isFirst(static_cast<std::size_t>(used - credentials.begin()), at);
}

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
