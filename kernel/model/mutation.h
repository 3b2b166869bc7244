#pragma once
/// @file kernel/model/mutation.h
/// A change as a value: rules return it, the server turns it into one ledger Effect, in this order, all or nothing.
#include <cstdint>
#include <variant>
#include <vector>

#include "model/agent.h"
#include "model/audit_event.h"
#include "model/credential.h"
#include "model/organization.h"

namespace agentidp::model {

struct InsertAgent {
    Agent agent;
};
/// `agent.rowVersion` is the new one already: `expectedVersion` + 1.
struct UpdateAgent {
    Agent agent;
    std::int64_t expectedVersion = 0;
};
struct InsertCredential {
    Credential credential;
};
/// `credential.rowVersion` is the new one already.
struct UpdateCredential {
    Credential credential;
    std::int64_t expectedVersion = 0;
};
struct InsertOrganization {
    Organization organization;
};
/// `organization.version` is the new one already.
struct UpdateOrganization {
    Organization organization;
    std::int64_t expectedVersion = 0;
};
/// Exists means that somebody was faster: the answer is the same, without a second event.
struct RevokeToken {
    Jti jti;
    base::Instant expiresAt;
    base::Instant revokedAt;
};
/// Nothing is written; the whole is a Conflict unless the agent's row still has this version. A decision rested on its scopes.
struct ExpectAgent {
    std::int64_t agentNum = 0;
    std::int64_t version = 0;
};
/// Nothing is written; the whole is a Conflict unless the agent has exactly this many credentials of status Active (expired
/// ones count). Guards the limit of ten, and "the last one" when two are revoked at once. Checked before the other changes.
struct ExpectActiveCredentials {
    std::int64_t agentNum = 0;
    std::int64_t count = 0;
};

using Change = std::variant<InsertAgent, UpdateAgent, InsertCredential, UpdateCredential, InsertOrganization, UpdateOrganization,
                            RevokeToken, ExpectAgent, ExpectActiveCredentials>;

struct Mutation {
    std::vector<Change> changes;
    std::vector<AuditEvent> events;
    [[nodiscard]] bool empty() const { return changes.empty() && events.empty(); }
};

}  // namespace agentidp::model
