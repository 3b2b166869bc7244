#include "oauth/introspection_tally.h"

#include "base/json.h"
#include "base/text.h"

namespace agentidp::oauth {
namespace {

std::int64_t minuteOf(base::Instant at) { return std::chrono::floor<std::chrono::minutes>(at).time_since_epoch().count(); }

model::AuditEvent eventOf(const model::Caller& caller, const model::Origin& origin) {
    auto event = model::beginEvent(model::Action::TokenIntrospected, model::Outcome::Success, origin, caller.actor());
    event.agentId = caller.agentId;
    event.agentNum = caller.agentNum;
    event.organizationId = caller.organizationId;
    event.organizationNum = caller.organizationNum;
    return event;
}

}  // namespace

void IntrospectionTally::turn(State& state, base::Instant now) const {
    if (state.minute == minuteOf(now)) return;
    const base::Instant from{std::chrono::minutes(state.minute)};
    for (const auto& [num, sum] : state.sums) {
        if (state.due.size() > maxCallers_) break;
        model::Origin origin;
        origin.at = from + std::chrono::minutes(1);
        auto event = eventOf(sum.caller, origin);
        event.metadataJson.clear();
        base::json::Writer writer(event.metadataJson);
        writer.beginObject().key("summed").boolean(true).key("active").number(sum.active).key("inactive").number(sum.inactive);
        writer.key("from").text(base::rfc3339(from)).endObject();
        state.due.push_back(std::move(event));
    }
    state.sums.clear();
    state.minute = minuteOf(now);
}

std::optional<model::AuditEvent> IntrospectionTally::record(const model::Caller& caller, std::string_view jti,
                                                            const model::Origin& origin) {
    auto state = state_.lock();
    turn(*state, origin.at);
    if (state->mode == IntrospectionAudit::Off) return std::nullopt;
    if (state->mode == IntrospectionAudit::Each) {
        auto event = eventOf(caller, origin);
        event.jti = jti;
        event.metadataJson = jti.empty() ? R"({"active":false})" : R"({"active":true})";
        return event;
    }
    auto found = state->sums.find(caller.agentNum);
    if (found == state->sums.end()) {
        const bool fits = state->sums.size() < maxCallers_;
        Sum sum;
        if (fits) sum.caller = caller;
        found = state->sums.try_emplace(fits ? caller.agentNum : 0, std::move(sum)).first;
    }
    ++(jti.empty() ? found->second.inactive : found->second.active);
    return std::nullopt;
}

std::vector<model::AuditEvent> IntrospectionTally::sweep(base::Instant now) {
    auto state = state_.lock();
    turn(*state, now);
    return std::exchange(state->due, {});
}

}  // namespace agentidp::oauth
