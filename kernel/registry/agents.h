#pragma once
/// @file kernel/registry/agents.h
/// The rules of /api/v1/agents. An agent's scopes are what it may ask a token for; decommissioning is final; suspending and
/// decommissioning end its tokens, and reactivating does not revive them.
#include <string>
#include <vector>

#include "base/json.h"
#include "registry/page.h"
#include "registry/ports.h"
#include "registry/ruling.h"

namespace agentidp::registry {

/// Any thread; blocks only where a port does. Cheap to make anew when settings change.
class AgentRules {
public:
    struct Ports {
        Agents& agents;
        Organizations& organizations;
        Credentials& credentials;
        const Cursors& cursors;
    };
    /// `claimsAllowed`: patterns of static claim names (`claims.allowed`).
    AgentRules(Ports ports, std::vector<std::string> claimsAllowed) : ports_(ports), claimsAllowed_(std::move(claimsAllowed)) {}

    /// 201 with Location. `organizationId` in the body may name another organization only for a platform caller.
    [[nodiscard]] Ruling create(const Asker& asker, const base::json::Value& body) const;
    /// An agent may always read itself.
    [[nodiscard]] Ruling read(const Asker& asker, std::string_view agentId) const;
    /// Filters status, owner, agentType, deploymentEnv; organizationId for platform callers.
    [[nodiscard]] Ruling list(const Asker& asker, const Query& query) const;
    /// Omitted members stay as they are. `status` active or suspended.
    [[nodiscard]] Ruling update(const Asker& asker, std::string_view agentId, const base::json::Value& body) const;
    /// DELETE: final; its credentials are revoked.
    [[nodiscard]] Ruling decommission(const Asker& asker, std::string_view agentId) const;

private:
    [[nodiscard]] model::Decided<model::Organization, Ruling> organizationFor(const Asker& asker, const std::string* wanted) const;
    Ports ports_;
    std::vector<std::string> claimsAllowed_;
};

}  // namespace agentidp::registry
