#pragma once
/// @file kernel/model/caller.h
/// Who asks, and from where: what every rule that touches the registry or the ledger is told about its request.
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/agent.h"
#include "model/audit_event.h"
#include "model/ids.h"
#include "model/scope.h"

namespace agentidp::model {

inline constexpr std::string_view kPlatformScope = "admin:orgs";

/// The request as the ledger remembers it.
struct Origin {
    std::string requestId;
    std::string ip;
    std::string userAgent;
    base::Instant at;
};

/// `Agent` presented a token or a client secret. `Operator` came over the control socket or the command line: it stands for
/// the machine's owner, sees every organization, and holds every scope.
enum class CallerKind { Agent, Operator };

struct Caller {
    CallerKind kind = CallerKind::Agent;
    AgentId agentId;
    std::int64_t agentNum = 0;
    OrganizationId organizationId;
    std::int64_t organizationNum = 0;
    ScopeSet scopes;   ///< what its token holds; for a client secret, what it may ask for
    std::string name;  ///< of an Operator: "cli:<uid>"

    [[nodiscard]] bool holds(std::string_view scope) const;
    /// Whether an agent with `wanted` is within this caller's reach.
    [[nodiscard]] bool holdsAll(const ScopeSet& wanted) const;
    /// May act on any organization: an Operator, or an agent holding admin:orgs.
    [[nodiscard]] bool platform() const { return holds(kPlatformScope); }
    /// For AuditEvent::actor.
    [[nodiscard]] std::string actor() const;
};

/// An event with everything but its subject and metadata.
[[nodiscard]] AuditEvent beginEvent(Action action, Outcome outcome, const Origin& origin, std::string actor);
/// Makes `agent` the subject.
void setSubject(AuditEvent& event, const Agent& agent);

}  // namespace agentidp::model
