#pragma once
/// @file kernel/model/grant.h
/// What a grant decides: who gets which token. A value; nothing here has happened yet.
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/ids.h"
#include "model/scope.h"

namespace agentidp::model {

struct Grant {
    AgentId subject;
    AgentId clientId;
    std::int64_t agentNum = 0;
    OrganizationId organizationId;
    std::int64_t organizationNum = 0;
    ScopeSet scopes;
    std::string audience;
    base::seconds lifetime{0};
    std::string claimsJson = "{}";  ///< static custom claims, names already checked
};

}  // namespace agentidp::model
