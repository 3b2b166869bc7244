#pragma once
/// @file kernel/server/directory.h
/// The clients in memory: agents with their organization and live credentials, for the token path. Follows the ledger: what a
/// committed event changed is forgotten before the answer leaves.
#include <array>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/guarded.h"
#include "model/audit_event.h"
#include "oauth/ports.h"
#include "plugin/storage.h"
#include "secrets/client_secrets.h"
#include "store/clients.h"
#include "store/organizations.h"

namespace agentidp::server {

/// Any thread. Bounded: the least recently used client of a shard goes first; a missing one is remembered for a second.
class Directory final : public oauth::Clients {
public:
    /// `secrets`: where credentials with a vaultPath are; null: nowhere, and nobody gets in by them.
    Directory(plugin::Storage& storage, const base::Clock& clock, secrets::ClientSecrets* secrets = nullptr,
              base::seconds secretsKept = base::seconds(300), std::size_t capacity = 50'000);

    /// Reads storage where the client is not in memory, and may block then.
    [[nodiscard]] base::Result<oauth::ClientPtr> find(const model::AgentId& id) override;
    /// Whether find() would answer without blocking, and authenticating that client would not either: the bcrypt hash of an imported
    /// secret belongs on the pool.
    [[nodiscard]] bool cached(std::string_view id);

    /// The organization of a client that is in memory; 0 where it is not.
    [[nodiscard]] std::int64_t organizationOf(std::string_view id);

    /// Whether an event of this kind may change what is kept here.
    [[nodiscard]] static bool follows(model::Action action);
    /// A committed event: whatever it may have changed is read again at next use. Never blocks for storage.
    void onEvent(const model::AuditEvent& event);

private:
    struct Entry {
        std::string stranger;     ///< the id of none
        oauth::ClientPtr client;  ///< null: there is none
        base::MonoInstant until;  ///< then it is read again
        [[nodiscard]] std::string_view id() const { return client ? std::string_view(client->agent.id.str()) : stranger; }
    };
    struct Shard {
        std::list<Entry> recent;                                                 ///< front: used last
        std::unordered_map<std::string_view, std::list<Entry>::iterator> index;  ///< by the entry's own id
        /// Moves with every forgetting, so that a read that began before it is not remembered after it.
        std::uint64_t generation = 0;
    };
    static constexpr std::size_t kShards = 16;

    base::Guarded<Shard>& shardOf(std::string_view id) { return shards_[std::hash<std::string_view>{}(id) % kShards]; }
    /// Organizations that were read since one of them changed.
    struct Tenants {
        std::unordered_map<std::int64_t, oauth::Tenant> known;
        std::uint64_t generation = 0;
    };
    [[nodiscard]] base::Result<oauth::ClientPtr> load(const model::AgentId& id);
    [[nodiscard]] base::Result<oauth::Tenant> tenant(std::int64_t num);
    [[nodiscard]] base::MonoInstant keptUntil(const oauth::ClientPtr& client) const;
    /// Fills in the MACs of secrets that are kept elsewhere; true where one cannot be had now.
    bool fetchSecrets(std::vector<model::Credential>& credentials) const;
    void forget(std::string_view id);
    void forgetAll();

    plugin::Storage& storage_;
    const base::Clock& clock_;
    secrets::ClientSecrets* secrets_;
    base::seconds secretsKept_;
    std::size_t perShard_;
    std::array<base::Guarded<Shard>, kShards> shards_;
    base::Guarded<Tenants> tenants_;
};

}  // namespace agentidp::server
