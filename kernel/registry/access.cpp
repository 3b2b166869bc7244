#include "registry/access.h"

#include <algorithm>

#include "base/ids.h"
#include "base/json.h"

namespace agentidp::registry {

Ruling refuse(model::Problem problem) { return {{}, std::move(problem)}; }

Ruling notFound(const Asker& asker, std::string_view kind, std::string_view id, bool exists) {
    auto ruling = refuse(model::problem(model::ProblemCode::NotFound, "there is no such " + std::string(kind)));
    if (!exists) return ruling;
    auto event = model::beginEvent(model::Action::AccessRefused, model::Outcome::Failure, asker.origin, asker.caller.actor());
    event.agentId = asker.caller.agentId;
    event.agentNum = asker.caller.agentNum;
    event.organizationId = asker.caller.organizationId;
    event.organizationNum = asker.caller.organizationNum;
    event.metadataJson = metadata({{"kind", kind}, {"id", id}});
    ruling.mutation.events.push_back(std::move(event));
    return ruling;
}

Ruling answered(int status, std::string body, std::string etag) {
    model::Answer answer;
    answer.status = status;
    if (!body.empty()) answer.headers.emplace_back("Content-Type", "application/json");
    answer.headers.emplace_back("Cache-Control", "no-store");
    if (!etag.empty()) answer.headers.emplace_back("ETag", std::move(etag));
    answer.body = std::move(body);
    return {{}, std::move(answer)};
}

std::optional<Ruling> needScope(const Asker& asker, std::string_view scope) {
    if (asker.caller.holds(scope)) return std::nullopt;
    return refuse(model::insufficientScope(scope));
}

bool sameOrganization(const model::Caller& caller, std::int64_t organizationNum) {
    return caller.platform() || caller.organizationNum == organizationNum;
}

std::optional<Ruling> needReach(const Asker& asker, const model::ScopeSet& scopes) {
    if (asker.caller.holdsAll(scopes)) return std::nullopt;
    return refuse(model::problem(model::ProblemCode::Forbidden, "the agent has scopes that the caller's own token does not hold"));
}

model::Decided<model::Agent, Ruling> visibleAgent(Agents& agents, const Asker& asker, std::string_view id) {
    if (!base::isUuid(id)) return notFound(asker, "agent", id, false);
    auto agent = agents.find(model::AgentId(id));
    if (!agent && agent.error().code == base::Errc::NotFound) return notFound(asker, "agent", id, false);
    if (!agent) return refuse(model::problemOf(agent.error()));
    if (!sameOrganization(asker.caller, agent->organizationNum)) return notFound(asker, "agent", id, true);
    return *std::move(agent);
}

void endTokens(model::Agent& agent, base::Instant now) {
    // Never backwards: a clock put back must not revive what was ended. And past the second after the last mark: a token issued within
    // the mark's own second, after a reactivation, was dated to that one (oauth/issuer.cpp).
    agent.tokensNotBefore = agent.tokensNotBefore ? std::max(now, *agent.tokensNotBefore + base::seconds(1)) : now;
}

std::string metadata(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
    std::string out;
    base::json::Writer writer(out);
    writer.beginObject();
    for (const auto& [name, value] : pairs)
        if (!value.empty()) writer.key(name).text(value);
    writer.endObject();
    return out;
}

}  // namespace agentidp::registry
