#include "server/hook_inputs.h"

#include "store/agents.h"

namespace agentidp::server::hook_inputs {
namespace {

using base::json::Array;
using base::json::Value;

Array texts(const std::vector<std::string>& from) { return {from.begin(), from.end()}; }

Object requestOf(const std::string& requestId, const std::string& ip, const std::string& userAgent) {
    Object out;
    out.reserve(3);
    out.emplace_back("requestId", requestId);
    out.emplace_back("ip", ip);
    out.emplace_back("userAgent", userAgent);
    return out;
}

}  // namespace

// Members are put in one by one: a list of them would be copied, and this is done for every token.
Object about(const model::Agent& agent, const model::Origin& origin) {
    Object labels;
    for (const auto& [name, value] : agent.labels) labels.emplace_back(name, value);
    Object shown;
    shown.reserve(11);
    shown.emplace_back("agentId", agent.id.str());
    shown.emplace_back("organizationId", agent.organizationId.str());
    shown.emplace_back("email", agent.email);
    shown.emplace_back("agentType", agent.agentType);
    shown.emplace_back("version", agent.version);
    shown.emplace_back("owner", agent.owner);
    shown.emplace_back("deploymentEnv", store::nameOf(agent.deploymentEnv));
    shown.emplace_back("status", store::nameOf(agent.status));
    shown.emplace_back("capabilities", texts(agent.capabilities));
    shown.emplace_back("scopes", texts(agent.scopes));
    shown.emplace_back("labels", std::move(labels));
    Object out;
    out.reserve(8);
    out.emplace_back("agent", std::move(shown));
    out.emplace_back("request", requestOf(origin.requestId, origin.ip, origin.userAgent));
    return out;
}

Object about(const model::AuditEvent& event) {
    Object who;
    who.emplace_back("agentId", event.agentId.str());
    who.emplace_back("organizationId", event.organizationId.str());
    Object out;
    out.reserve(8);
    out.emplace_back("agent", std::move(who));
    out.emplace_back("request", requestOf(event.requestId, event.ip, event.userAgent));
    return out;
}

void authenticate(Object& input, const oauth::AuthenticatedClient& client, const oauth::TokenRequest& request) {
    input.emplace_back("credentialId", client.credentialId.str());
    input.emplace_back("method", client.method == oauth::AuthMethod::Basic ? "client_secret_basic" : "client_secret_post");
    input.emplace_back("grantType", request.grantType);
}

void scopeCheck(Object& input, const oauth::TokenRequest& request, const model::Grant& grant) {
    input.emplace_back("grantType", request.grantType);
    claims(input, grant);
}

void claims(Object& input, const model::Grant& grant) {
    input.emplace_back("scopes", texts(grant.scopes));
    input.emplace_back("audience", grant.audience);
    input.emplace_back("ttl", std::int64_t{grant.lifetime.count()});
}

void agentRegister(Object& input, std::string_view operation, const model::Caller& caller) {
    input.emplace_back("actor", caller.actor());
    input.emplace_back("operation", operation);
}

void credentialLifecycle(Object& input, std::string_view operation, std::optional<base::seconds> ttl, const model::Caller& caller) {
    agentRegister(input, operation, caller);
    if (ttl) input.emplace_back("ttl", std::int64_t{ttl->count()});
}

void auditEnrich(Object& input, const model::AuditEvent& event) {
    input.emplace_back("action", model::nameOf(event.action));
    input.emplace_back("outcome", event.outcome == model::Outcome::Success ? "success" : "failure");
    input.emplace_back("actor", event.actor);
    input.emplace_back("jti", event.jti);
}

Value metadataOf(const model::AuditEvent& event) {
    auto metadata = base::json::parse(event.metadataJson);
    return metadata ? *std::move(metadata) : Value(Object{});
}

Object introspectFilter(const model::Caller& caller, Value answer, const model::Origin& origin) {
    Object who;
    who.emplace_back("agentId", caller.agentId.str());
    who.emplace_back("organizationId", caller.organizationId.str());
    who.emplace_back("scopes", texts(caller.scopes));
    Object out;
    out.emplace_back("caller", std::move(who));
    out.emplace_back("answer", std::move(answer));
    out.emplace_back("request", requestOf(origin.requestId, origin.ip, origin.userAgent));
    return out;
}

}  // namespace agentidp::server::hook_inputs
