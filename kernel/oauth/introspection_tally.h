#pragma once
/// @file kernel/oauth/introspection_tally.h
/// token.introspected events: one per caller and minute, each, or none (`audit.introspection = aggregate|each|off`).
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "model/audit_event.h"
#include "model/caller.h"

namespace agentidp::oauth {

enum class IntrospectionAudit { Aggregate, Each, Off };

/// Any thread. Bounded: past `maxCallers` in one minute, further callers share one sum without a subject.
class IntrospectionTally {
public:
    explicit IntrospectionTally(IntrospectionAudit mode, std::size_t maxCallers = 10000) : maxCallers_(maxCallers) { configure(mode); }
    void configure(IntrospectionAudit mode) { state_.lock()->mode = mode; }
    /// The event to append now, where mode is Each. `jti` is empty for an inactive answer.
    [[nodiscard]] std::optional<model::AuditEvent> record(const model::Caller& caller, std::string_view jti, const model::Origin& origin);
    /// Sums of minutes that are over. At the end of the process call it with a `now` a minute ahead.
    [[nodiscard]] std::vector<model::AuditEvent> sweep(base::Instant now);

private:
    struct Sum {
        model::Caller caller;
        std::int64_t active = 0;
        std::int64_t inactive = 0;
    };
    struct State {
        IntrospectionAudit mode = IntrospectionAudit::Aggregate;
        std::int64_t minute = 0;
        std::unordered_map<std::int64_t, Sum> sums;
        std::vector<model::AuditEvent> due;
    };
    void turn(State& state, base::Instant now) const;
    std::size_t maxCallers_;
    base::Guarded<State> state_;
};

}  // namespace agentidp::oauth
