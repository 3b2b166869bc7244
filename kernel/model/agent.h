#pragma once
/// @file kernel/model/agent.h
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"

namespace agentidp::model {

enum class AgentStatus { Active, Suspended, Decommissioned };
enum class DeploymentEnv { Development, Staging, Production };

/// A registered agent: an OAuth client and a subject in one.
struct Agent {
    std::int64_t num = 0;  ///< storage's own number; what ledger rows carry
    AgentId id;
    std::int64_t organizationNum = 0;
    OrganizationId organizationId;
    std::string email;  ///< unique in its organization
    std::string agentType;
    std::string version;
    std::vector<std::string> capabilities;
    std::string owner;
    DeploymentEnv deploymentEnv = DeploymentEnv::Development;
    std::vector<std::string> scopes;  ///< what it may ask for, sorted, unique
    std::string claimsJson = "{}";    ///< static custom claims
    std::map<std::string, std::string> labels;
    AgentStatus status = AgentStatus::Active;
    /// Tokens with iat before this are dead (whole seconds; iat == mark is dead too, see oauth/introspection).
    std::optional<base::Instant> tokensNotBefore;
    base::Instant createdAt;
    base::Instant updatedAt;
    std::int64_t rowVersion = 1;  ///< ETag
};

}  // namespace agentidp::model
