#include "server/directory.h"

#include <algorithm>

#include "base/ids.h"

namespace agentidp::server {
namespace {

constexpr base::nanoseconds kMissRemembered = std::chrono::seconds(1);
constexpr std::size_t kMostTenants = 10'000;

}  // namespace

Directory::Directory(plugin::Storage& storage, const base::Clock& clock, secrets::ClientSecrets* secrets, base::seconds secretsKept,
                     std::size_t capacity)
    : storage_(storage),
      clock_(clock),
      secrets_(secrets),
      secretsKept_(secretsKept),
      // An eighth more, since shards fill unevenly: as many as `capacity` stay, whoever they are.
      perShard_(std::max<std::size_t>(1, capacity / kShards + capacity / kShards / 8)) {}

bool Directory::cached(std::string_view id) {
    auto shard = shardOf(id).lock();
    const auto found = shard->index.find(id);
    if (found == shard->index.end() || clock_.mono() >= found->second->until) return false;
    const auto& client = found->second->client;
    return !client || std::none_of(client->credentials.begin(), client->credentials.end(),
                                   [](const model::Credential& credential) { return !credential.importedHash.empty(); });
}

std::int64_t Directory::organizationOf(std::string_view id) {
    auto shard = shardOf(id).lock();
    const auto found = shard->index.find(id);
    return found == shard->index.end() || !found->second->client ? 0 : found->second->client->agent.organizationNum;
}

base::Result<oauth::ClientPtr> Directory::find(const model::AgentId& id) {
    std::uint64_t generation = 0;
    {
        auto shard = shardOf(id.str()).lock();
        const auto found = shard->index.find(id.str());
        if (found != shard->index.end() && clock_.mono() < found->second->until) {
            if (!found->second->client) return base::fail(base::Errc::NotFound, "no such client");
            shard->recent.splice(shard->recent.begin(), shard->recent, found->second);
            return found->second->client;
        }
        generation = shard->generation;
    }
    // Not a UUID: nobody was ever called that, and a stranger's inventions need no memory.
    if (!base::isUuid(id.str())) return base::fail(base::Errc::NotFound, "no such client");
    auto loaded = load(id);
    if (!loaded && loaded.error().code != base::Errc::NotFound) return loaded;

    auto shard = shardOf(id.str()).lock();
    if (shard->generation == generation) {
        if (const auto old = shard->index.find(id.str()); old != shard->index.end()) {
            const auto entry = old->second;
            shard->index.erase(old);
            shard->recent.erase(entry);
        }
        shard->recent.push_front({loaded ? std::string() : id.str(), loaded ? *loaded : nullptr, keptUntil(loaded ? *loaded : nullptr)});
        shard->index.emplace(shard->recent.front().id(), shard->recent.begin());
        if (shard->recent.size() > perShard_) {
            shard->index.erase(shard->recent.back().id());
            shard->recent.pop_back();
        }
    }
    return loaded;
}

/// Without secrets in a secret store a client is kept until an event says otherwise.
base::MonoInstant Directory::keptUntil(const oauth::ClientPtr& client) const {
    if (!client || client->secretsMissing) return clock_.mono() + kMissRemembered;
    const bool vaulted = std::any_of(client->credentials.begin(), client->credentials.end(),
                                     [](const model::Credential& each) { return !each.vaultPath.empty(); });
    return vaulted ? clock_.mono() + secretsKept_ : base::MonoInstant::max();
}

bool Directory::fetchSecrets(std::vector<model::Credential>& credentials) const {
    bool missing = false;
    std::erase_if(credentials, [&](model::Credential& credential) {
        if (credential.vaultPath.empty()) return false;
        const auto held = secrets_ != nullptr ? secrets_->macOf(credential.vaultPath) : base::fail(base::Errc::Unavailable, "");
        if (held) {
            credential.secretMac.assign(held->mac.begin(), held->mac.end());
            credential.pepperId = held->pepperId;
            return false;
        }
        // Gone from the store: it opens nothing any more. A secret of before a rotation is in the row.
        missing = missing || held.error().code != base::Errc::NotFound;
        return !credential.previousMac;
    });
    return missing;
}

base::Result<oauth::Tenant> Directory::tenant(std::int64_t num) {
    std::uint64_t generation = 0;
    {
        auto tenants = tenants_.lock();
        if (const auto found = tenants->known.find(num); found != tenants->known.end()) return found->second;
        generation = tenants->generation;
    }
    const auto organization = store::Organizations(storage_, clock_).findByNum(num);
    if (!organization) return organization.error();
    auto read = oauth::tenantOf(*organization);
    auto tenants = tenants_.lock();
    if (tenants->generation == generation) {
        if (tenants->known.size() >= kMostTenants) tenants->known.clear();
        tenants->known.emplace(num, read);
    }
    return read;
}

base::Result<oauth::ClientPtr> Directory::load(const model::AgentId& id) {
    auto rows = store::findClient(storage_, clock_, id);
    if (!rows) return std::move(rows).error();
    auto organization = tenant(rows->agent.organizationNum);
    if (!organization) return std::move(organization).error();
    rows->agent.organizationId = organization->id;
    const bool missing = fetchSecrets(rows->credentials);
    return oauth::makeClient(std::move(rows->agent), std::move(*organization), std::move(rows->credentials), missing);
}

bool Directory::follows(model::Action action) {
    using model::Action;
    switch (action) {
        case Action::AgentCreated:
        case Action::AgentUpdated:
        case Action::AgentSuspended:
        case Action::AgentReactivated:
        case Action::AgentDecommissioned:
        case Action::CredentialGenerated:
        case Action::CredentialRotated:
        case Action::CredentialRehashed:
        case Action::CredentialRevoked:
        case Action::OrganizationUpdated: return true;
        default: return false;
    }
}

void Directory::onEvent(const model::AuditEvent& event) {
    if (!follows(event.action)) return;
    if (event.action == model::Action::OrganizationUpdated)
        forgetAll();
    else
        forget(event.agentId.str());
}

void Directory::forget(std::string_view id) {
    auto shard = shardOf(id).lock();
    ++shard->generation;
    if (const auto found = shard->index.find(id); found != shard->index.end()) {
        const auto entry = found->second;
        shard->index.erase(found);
        shard->recent.erase(entry);
    }
}

void Directory::forgetAll() {
    {
        auto tenants = tenants_.lock();
        ++tenants->generation;
        tenants->known.clear();
    }
    for (auto& guarded : shards_) {
        auto shard = guarded.lock();
        ++shard->generation;
        shard->index.clear();
        shard->recent.clear();
    }
}

}  // namespace agentidp::server
