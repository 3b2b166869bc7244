#pragma once
/// @file kernel/store/agents.h
/// The agents table. Writes are Op values for an audit::Effect; reads go through the storage plugin and may block.
/// A row knows its organization by number; Agent::organizationId is left for the caller to fill.
#include <optional>
#include <string>
#include <vector>

#include "model/agent.h"
#include "plugin/storage.h"

namespace agentidp::store {

[[nodiscard]] std::string_view nameOf(model::AgentStatus status);
[[nodiscard]] std::string_view nameOf(model::DeploymentEnv env);

[[nodiscard]] plugin::Op insertAgent(const model::Agent& agent);
/// Writes every member but the identity, and the next version; Conflict unless the stored version is `expected`.
[[nodiscard]] plugin::Op updateAgent(const model::Agent& agent, std::int64_t expected);

/// For who reads more than the agent in one go: the select, and one of its rows.
[[nodiscard]] plugin::Op selectAgent(const model::AgentId& id);
[[nodiscard]] base::Result<model::Agent> agentOf(const plugin::Row& row);

/// What a list may be narrowed by; absent members narrow nothing.
struct AgentFilter {
    std::optional<std::int64_t> organizationNum;
    std::optional<std::string> status, owner, agentType, deploymentEnv;
};

/// Any thread.
class Agents {
public:
    Agents(plugin::Storage& storage, const base::Clock& clock) : storage_(storage), clock_(clock) {}
    [[nodiscard]] base::Result<model::Agent> find(const model::AgentId& id) const;
    [[nodiscard]] base::Result<model::Agent> findByNum(std::int64_t num) const;
    /// Newest first; `before` is the num of the last one seen.
    [[nodiscard]] base::Result<std::vector<model::Agent>> list(const AgentFilter& filter, std::optional<std::int64_t> before,
                                                               std::uint32_t limit) const;

private:
    plugin::Storage& storage_;
    const base::Clock& clock_;
};

}  // namespace agentidp::store
