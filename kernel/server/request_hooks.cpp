#include "server/request_hooks.h"

#include <algorithm>

#include "registry/fields.h"
#include "server/hook_inputs.h"

namespace agentidp::server {
namespace {

namespace json = base::json;
using policy::HookPoint;
using policy::Ruling;

oauth::OauthError refusalOf(const Ruling& ruling) {
    if (ruling.unavailable) return oauth::hookUnavailable("the hook " + ruling.script + " failed");
    return oauth::policyDenied(ruling.code, ruling.reason);
}

model::Problem problemOf(const Ruling& ruling) {
    if (ruling.unavailable) return model::unavailable("hook_unavailable: a policy hook gave no answer");
    return model::problem(model::ProblemCode::Forbidden, ruling.reason.empty() ? ruling.code : ruling.code + ": " + ruling.reason);
}

}  // namespace

std::unique_ptr<RequestHooks> RequestHooks::begin(const HookSettings& settings, const model::Origin& origin, const model::Caller* caller) {
    if (settings.hooks == nullptr) return nullptr;
    auto session = settings.hooks->begin({origin.requestId, caller != nullptr ? caller->organizationId.str() : std::string(), origin.at});
    if (!session) return nullptr;
    return std::unique_ptr<RequestHooks>(new RequestHooks(std::move(session), settings, origin, caller));
}

template <class Add>
Ruling RequestHooks::ask(HookPoint point, const model::Agent& agent, Add add, const policy::LateMember* late) {
    if (inputOf_ != &agent) input_ = hook_inputs::about(agent, origin_);
    inputOf_ = &agent;
    add(input_);
    json::Value input(std::move(input_));
    auto ruling = session_->ask(point, input, late);
    input_ = std::move(*input.asObject());
    input_.resize(hook_inputs::kAbout);
    return ruling;
}

std::optional<oauth::OauthError> RequestHooks::authenticated(const oauth::AuthenticatedClient& client, const oauth::TokenRequest& request) {
    session_->about(client.client->agent.organizationId.str());
    if (!session_->listens(HookPoint::Authenticate)) return std::nullopt;
    const auto ruling =
        ask(HookPoint::Authenticate, client.client->agent, [&](json::Object& input) { hook_inputs::authenticate(input, client, request); });
    if (ruling.allowed) return std::nullopt;
    return refusalOf(ruling);
}

oauth::Charge RequestHooks::charge(const oauth::Client& client) {
    if (!session_->listens(HookPoint::RateLimitKey)) return {};
    auto ruling = ask(HookPoint::RateLimitKey, client.agent, [](json::Object&) {});
    return {ruling.cost, std::move(ruling.key)};
}

oauth::OauthResult<oauth::Narrowing> RequestHooks::scopes(const oauth::Client& client, const oauth::TokenRequest& request,
                                                          const model::Grant& grant) {
    oauth::Narrowing narrowing;
    if (!session_->listens(HookPoint::ScopeCheck)) return narrowing;
    auto ruling = ask(HookPoint::ScopeCheck, client.agent, [&](json::Object& input) { hook_inputs::scopeCheck(input, request, grant); });
    if (!ruling.allowed) return refusalOf(ruling);
    if (ruling.scopes) {
        std::sort(ruling.scopes->begin(), ruling.scopes->end());
        ruling.scopes->erase(std::unique(ruling.scopes->begin(), ruling.scopes->end()), ruling.scopes->end());
        narrowing.scopes = std::move(ruling.scopes);
    }
    narrowing.maxTtl = ruling.maxTtl;
    narrowing.audience = std::move(ruling.audience);
    return narrowing;
}

oauth::OauthResult<std::string> RequestHooks::claims(const oauth::Client& client, const model::Grant& grant) {
    if (!session_->listens(HookPoint::Claims)) return grant.claimsJson;
    auto ruling = ask(HookPoint::Claims, client.agent, [&](json::Object& input) { hook_inputs::claims(input, grant); });
    if (!ruling.allowed) return refusalOf(ruling);
    if (ruling.fields.empty()) return grant.claimsJson;
    auto all = json::parse(grant.claimsJson);
    if (!all || all->asObject() == nullptr) return oauth::hookUnavailable("the agent's own claims are not readable");
    for (auto& [name, value] : ruling.fields) {
        if (!registry::claimAllowed(name, settings_.claimsAllowed))
            return oauth::hookUnavailable("a claims hook named " + name + ", which claims.allowed does not allow");
        // What the agent was registered with is not a hook's to change.
        if (all->find(name) == nullptr) all->asObject()->emplace_back(name, std::move(value));
    }
    auto text = json::write(*all);
    if (text.size() > grant.claimsJson.size() + kMaxAddedClaims) return oauth::hookUnavailable("claims hooks added more than 4 KiB");
    return text;
}

model::Decided<std::string, model::Problem> RequestHooks::agent(std::string_view operation, const model::Agent& agent) {
    if (!session_->listens(HookPoint::AgentRegister)) return std::string("{}");
    auto ruling =
        ask(HookPoint::AgentRegister, agent, [&](json::Object& input) { hook_inputs::agentRegister(input, operation, *caller_); });
    if (!ruling.allowed) return problemOf(ruling);
    if (ruling.fields.empty()) return std::string("{}");
    return json::write(json::Object{{"annotations", std::move(ruling.fields)}});
}

model::Decided<std::optional<base::seconds>, model::Problem> RequestHooks::credential(std::string_view operation, const model::Agent& agent,
                                                                                      std::optional<base::Instant> expiresAt) {
    if (!session_->listens(HookPoint::CredentialLifecycle)) return std::optional<base::seconds>();
    std::optional<base::seconds> ttl;
    if (expiresAt) ttl = std::chrono::floor<base::seconds>(*expiresAt - origin_.at);
    const auto ruling = ask(HookPoint::CredentialLifecycle, agent,
                            [&](json::Object& input) { hook_inputs::credentialLifecycle(input, operation, ttl, *caller_); });
    if (!ruling.allowed) return problemOf(ruling);
    return ruling.maxTtl;
}

std::string RequestHooks::filtered(const model::Caller& caller, std::string body) {
    session_->about(caller.organizationId.str());
    if (!session_->listens(HookPoint::IntrospectFilter)) return body;
    auto answer = json::parse(body);
    if (!answer || answer->asObject() == nullptr) return body;
    const auto* active = answer->find("active");
    if (active == nullptr || active->asBool() == nullptr || !*active->asBool()) return body;
    const auto ruling = session_->ask(HookPoint::IntrospectFilter, hook_inputs::introspectFilter(caller, *answer, origin_));
    std::erase_if(*answer->asObject(), [&](const json::Member& member) {
        if (member.first == "active") return false;
        return ruling.omitOptional || std::find(ruling.omit.begin(), ruling.omit.end(), member.first) != ruling.omit.end();
    });
    return json::write(*answer);
}

void RequestHooks::enrich(std::vector<model::AuditEvent>& events, const model::Agent* agent) {
    if (!session_->listens(HookPoint::AuditEnrich)) return;
    for (auto& event : events) {
        Ruling ruling;
        const policy::LateMember metadata{hook_inputs::kMetadata, [&event] { return hook_inputs::metadataOf(event); }};
        if (agent != nullptr) {
            ruling = ask(
                HookPoint::AuditEnrich, *agent, [&](json::Object& input) { hook_inputs::auditEnrich(input, event); }, &metadata);
        } else {
            auto input = hook_inputs::about(event);
            hook_inputs::auditEnrich(input, event);
            ruling = session_->ask(HookPoint::AuditEnrich, std::move(input), &metadata);
        }
        if (ruling.fields.empty() && ruling.extError.empty()) continue;
        json::Object ext;
        if (event.extJson != "{}") {
            auto before = json::parse(event.extJson);
            if (before && before->asObject() != nullptr) ext = std::move(*before->asObject());
        }
        std::move(ruling.fields.begin(), ruling.fields.end(), std::back_inserter(ext));
        if (!ruling.extError.empty()) ext.emplace_back("ext_error", std::move(ruling.extError));
        event.extJson = json::write(ext);
    }
}

bool asksForTokens(const HookSettings& settings) {
    if (settings.hooks == nullptr) return false;
    constexpr HookPoint kPoints[]{HookPoint::Authenticate, HookPoint::ScopeCheck, HookPoint::Claims, HookPoint::RateLimitKey,
                                  HookPoint::AuditEnrich};
    return std::any_of(std::begin(kPoints), std::end(kPoints), [&](HookPoint point) { return settings.hooks->listens(point); });
}

bool asksForIntrospections(const HookSettings& settings) {
    return settings.hooks != nullptr && settings.hooks->listens(HookPoint::IntrospectFilter);
}

}  // namespace agentidp::server
