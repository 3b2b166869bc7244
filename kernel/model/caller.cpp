#include "model/caller.h"

#include "base/ids.h"

namespace agentidp::model {

bool Caller::holds(std::string_view scope) const { return kind == CallerKind::Operator || contains(scopes, scope); }

bool Caller::holdsAll(const ScopeSet& wanted) const { return kind == CallerKind::Operator || isSubset(wanted, scopes); }

std::string Caller::actor() const { return kind == CallerKind::Operator ? name : agentId.str(); }

AuditEvent beginEvent(Action action, Outcome outcome, const Origin& origin, std::string actor) {
    AuditEvent event;
    event.eventId = EventId(base::uuidV7(origin.at));
    event.timestamp = origin.at;
    event.action = action;
    event.outcome = outcome;
    event.actor = std::move(actor);
    event.requestId = origin.requestId;
    event.ip = origin.ip;
    event.userAgent = origin.userAgent;
    return event;
}

void setSubject(AuditEvent& event, const Agent& agent) {
    event.agentId = agent.id;
    event.agentNum = agent.num;
    event.organizationId = agent.organizationId;
    event.organizationNum = agent.organizationNum;
}

}  // namespace agentidp::model
