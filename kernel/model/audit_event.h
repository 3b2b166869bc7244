#pragma once
/// @file kernel/model/audit_event.h
/// One line of the ledger, before it has an index. It never holds a token or a secret.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/ids.h"

namespace agentidp::model {

enum class Outcome { Success, Failure };

/// One of the names in model/audit_actions.def; stored as its stable number.
enum class Action : std::int16_t {
#define AGENTIDP_AUDIT_ACTION(number, id, name) id = (number),
#include "model/audit_actions.def"
#undef AGENTIDP_AUDIT_ACTION
};
[[nodiscard]] std::string_view nameOf(Action action);
[[nodiscard]] bool actionNamed(std::string_view name, Action& out);

struct AuditEvent {
    EventId eventId;
    base::Instant timestamp;
    Action action{};
    Outcome outcome = Outcome::Success;
    AgentId agentId;            ///< whom it is about; empty where nobody
    std::int64_t agentNum = 0;  ///< 0: none
    OrganizationId organizationId;
    std::int64_t organizationNum = 0;
    std::string actor;  ///< agent id, "cli:<uid>", "system"
    std::string requestId;
    std::string ip;
    std::string userAgent;
    std::string jti;
    std::string metadataJson = "{}";  ///< one object: strings, booleans, integers to 2^53
    std::string extJson = "{}";
};

}  // namespace agentidp::model
