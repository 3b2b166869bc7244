#pragma once
/// @file kernel/store/clients.h
/// What the token path reads of a client that is not in memory. Goes through the storage plugin and may block. Any thread.
#include <vector>

#include "model/agent.h"
#include "model/credential.h"
#include "plugin/storage.h"

namespace agentidp::store {

struct ClientRows {
    model::Agent agent;
    std::vector<model::Credential> credentials;  ///< of status active, newest first
};
/// Both by one read, whatever the distance to the database. NotFound: there is no such agent.
[[nodiscard]] base::Result<ClientRows> findClient(plugin::Storage& storage, const base::Clock& clock, const model::AgentId& id);

}  // namespace agentidp::store
