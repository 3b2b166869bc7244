#pragma once
/// @file kernel/server/cache_follower.h
/// What other replicas changed, brought into this one's memory: clients, revocations, keys, hooks. Fed by audit::Follower.
#include <functional>
#include <span>
#include <vector>

#include "model/audit_event.h"
#include "server/directory.h"
#include "server/revocation_set.h"

namespace agentidp::server {

/// Used by one thread at a time, which may block.
class CacheFollower {
public:
    struct Rooms {
        Directory& directory;
        RevocationSet& revocations;
        plugin::Storage& storage;
        const base::Clock& clock;
        std::function<void()> keysChanged;        ///< must not block
        std::function<void()> hooksChanged = {};  ///< must not block; none where there are no hooks
    };
    explicit CacheFollower(Rooms rooms) : rooms_(std::move(rooms)) {}

    /// The actions that change something kept in memory.
    [[nodiscard]] static std::vector<model::Action> actions();
    /// In ledger order, any number of times: what was taken before changes nothing. Unavailable: revocations could not be read, and the
    /// same events must come again.
    [[nodiscard]] base::Result<void> take(std::span<const model::AuditEvent> events);

private:
    Rooms rooms_;
};

}  // namespace agentidp::server
