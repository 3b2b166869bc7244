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
#include "store/agents.h"
#include "store/credentials.h"
#include "store/organizations.h"

namespace agentidp::server {

/// Any thread. Bounded: the least recently used client of a shard goes first; a missing one is remembered for a second.
class Directory final : public oauth::Clients {
public:
    Directory(plugin::Storage& storage, const base::Clock& clock, std::size_t capacity = 50'000);

    /// Reads storage where the client is not in memory, and may block then.
    [[nodiscard]] base::Result<oauth::ClientPtr> find(const model::AgentId& id) override;
    /// Whether find() would answer without blocking, and authenticating that client would not either: the bcrypt hash of an imported
    /// secret belongs on the pool.
    [[nodiscard]] bool cached(std::string_view id);

    /// Whether an event of this kind may change what is kept here.
    [[nodiscard]] static bool follows(model::Action action);
    /// A committed event: whatever it may have changed is read again at next use. Never blocks for storage.
    void onEvent(const model::AuditEvent& event);

private:
    struct Entry {
        std::string id;
        oauth::ClientPtr client;  ///< null: there is none, until `until`
        base::MonoInstant until;
    };
    struct Shard {
        std::list<Entry> recent;                                                 ///< front: used last
        std::unordered_map<std::string_view, std::list<Entry>::iterator> index;  ///< by the entry's own id
        /// Moves with every forgetting, so that a read that began before it is not remembered after it.
        std::uint64_t generation = 0;
    };
    static constexpr std::size_t kShards = 16;

    base::Guarded<Shard>& shardOf(std::string_view id) { return shards_[std::hash<std::string_view>{}(id) % kShards]; }
    [[nodiscard]] base::Result<oauth::ClientPtr> load(const model::AgentId& id) const;
    void forget(std::string_view id);
    void forgetAll();

    plugin::Storage& storage_;
    const base::Clock& clock_;
    std::size_t perShard_;
    std::array<base::Guarded<Shard>, kShards> shards_;
};

}  // namespace agentidp::server
