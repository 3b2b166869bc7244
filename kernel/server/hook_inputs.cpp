#include "server/hook_inputs.h"

#include "store/agents.h"

namespace agentidp::server::hook_inputs {
namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

Array texts(const std::vector<std::string>& from) { return {from.begin(), from.end()}; }

Object shown(const model::Agent& agent) {
    Object labels;
    for (const auto& [name, value] : agent.labels) labels.emplace_back(name, value);
    return {{"agentId", agent.id.str()},
            {"organizationId", agent.organizationId.str()},
            {"email", agent.email},
            {"agentType", agent.agentType},
            {"version", agent.version},
            {"owner", agent.owner},
            {"deploymentEnv", store::nameOf(agent.deploymentEnv)},
            {"status", store::nameOf(agent.status)},
            {"capabilities", texts(agent.capabilities)},
            {"scopes", texts(agent.scopes)},
            {"labels", std::move(labels)}};
}

Object requestOf(const model::Origin& origin) {
    return {{"requestId", origin.requestId}, {"ip", origin.ip}, {"userAgent", origin.userAgent}};
}

}  // namespace

Value authenticate(const oauth::AuthenticatedClient& client, const oauth::TokenRequest& request, const model::Origin& origin) {
    return Object{{"agent", shown(client.client->agent)},
                  {"request", requestOf(origin)},
                  {"credentialId", client.credentialId.str()},
                  {"method", client.method == oauth::AuthMethod::Basic ? "client_secret_basic" : "client_secret_post"},
                  {"grantType", request.grantType}};
}

Value scopeCheck(const model::Agent& agent, const oauth::TokenRequest& request, const model::Grant& grant, const model::Origin& origin) {
    return Object{{"agent", shown(agent)},         {"request", requestOf(origin)}, {"grantType", request.grantType},
                  {"scopes", texts(grant.scopes)}, {"audience", grant.audience},   {"ttl", std::int64_t{grant.lifetime.count()}}};
}

Value claims(const model::Agent& agent, const model::Grant& grant, const model::Origin& origin) {
    return Object{{"agent", shown(agent)},
                  {"request", requestOf(origin)},
                  {"scopes", texts(grant.scopes)},
                  {"audience", grant.audience},
                  {"ttl", std::int64_t{grant.lifetime.count()}}};
}

Value rateLimitKey(const model::Agent& agent, const model::Origin& origin) {
    return Object{{"agent", shown(agent)}, {"request", requestOf(origin)}};
}

Value agentRegister(std::string_view operation, const model::Agent& agent, const model::Caller& caller, const model::Origin& origin) {
    return Object{{"agent", shown(agent)}, {"request", requestOf(origin)}, {"actor", caller.actor()}, {"operation", operation}};
}

Value credentialLifecycle(std::string_view operation, const model::Agent& agent, std::optional<base::Instant> expiresAt,
                          const model::Caller& caller, const model::Origin& origin) {
    Object input{{"agent", shown(agent)}, {"request", requestOf(origin)}, {"actor", caller.actor()}, {"operation", operation}};
    if (expiresAt) input.emplace_back("ttl", std::int64_t{std::chrono::floor<base::seconds>(*expiresAt - origin.at).count()});
    return input;
}

Value auditEnrich(const model::AuditEvent& event, const model::Agent* agent) {
    auto metadata = base::json::parse(event.metadataJson);
    Object who =
        agent != nullptr ? shown(*agent) : Object{{"agentId", event.agentId.str()}, {"organizationId", event.organizationId.str()}};
    return Object{{"action", model::nameOf(event.action)},
                  {"outcome", event.outcome == model::Outcome::Success ? "success" : "failure"},
                  {"actor", event.actor},
                  {"jti", event.jti},
                  {"metadata", metadata ? *std::move(metadata) : Value(Object{})},
                  {"agent", std::move(who)},
                  {"request", Object{{"requestId", event.requestId}, {"ip", event.ip}, {"userAgent", event.userAgent}}}};
}

Value introspectFilter(const model::Caller& caller, Value answer, const model::Origin& origin) {
    return Object{
        {"caller",
         Object{{"agentId", caller.agentId.str()}, {"organizationId", caller.organizationId.str()}, {"scopes", texts(caller.scopes)}}},
        {"answer", std::move(answer)},
        {"request", requestOf(origin)}};
}

}  // namespace agentidp::server::hook_inputs
