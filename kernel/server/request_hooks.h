#pragma once
/// @file kernel/server/request_hooks.h
/// One request's hooks, in the words of the rooms that ask them. A generation is chosen when it begins and stays to the end. What hooks
/// answer is looked at here and in those rooms again: nothing can be widened, and no registered claim be forged.
#include <memory>
#include <string>
#include <vector>

#include "model/audit_event.h"
#include "model/caller.h"
#include "oauth/policy.h"
#include "policy/hooks.h"
#include "registry/ports.h"

namespace agentidp::server {

/// What all requests share. Any thread.
struct HookSettings {
    policy::Hooks* hooks = nullptr;          ///< null: no request asks any
    std::vector<std::string> claimsAllowed;  ///< `claims.allowed`
};

/// Used by one thread at a time. `caller` and `origin` outlive it.
class RequestHooks final : public oauth::Policy, public registry::Policy {
public:
    static constexpr std::size_t kMaxAddedClaims = 4096;

    /// Null where no script is loaded. `caller`: of a REST request; null at the token endpoint.
    static std::unique_ptr<RequestHooks> begin(const HookSettings& settings, const model::Origin& origin, const model::Caller* caller);

    [[nodiscard]] std::optional<oauth::OauthError> authenticated(const oauth::AuthenticatedClient& client,
                                                                 const oauth::TokenRequest& request) override;
    [[nodiscard]] oauth::Charge charge(const oauth::Client& client) override;
    [[nodiscard]] oauth::OauthResult<oauth::Narrowing> scopes(const oauth::Client& client, const oauth::TokenRequest& request,
                                                              const model::Grant& grant) override;
    [[nodiscard]] oauth::OauthResult<std::string> claims(const oauth::Client& client, const model::Grant& grant) override;

    [[nodiscard]] model::Decided<std::string, model::Problem> agent(std::string_view operation, const model::Agent& agent) override;
    [[nodiscard]] model::Decided<std::optional<base::seconds>, model::Problem> credential(std::string_view operation,
                                                                                          const model::Agent& agent,
                                                                                          std::optional<base::Instant> expiresAt) override;

    /// `body`, an introspection's answer, without what hooks leave out. `active` always stays.
    [[nodiscard]] std::string filtered(const model::Caller& caller, std::string body);
    /// Fills each event's ext. `agent`: whom they are about, where the request holds it; else null.
    void enrich(std::vector<model::AuditEvent>& events, const model::Agent* agent);

private:
    RequestHooks(std::unique_ptr<policy::Session> session, const HookSettings& settings, const model::Origin& origin,
                 const model::Caller* caller)
        : session_(std::move(session)), settings_(settings), origin_(origin), caller_(caller) {}
    /// Asks about `agent` with what `add` puts to it. What is said of the agent and the request is put together once for all points.
    template <class Add>
    policy::Ruling ask(policy::HookPoint point, const model::Agent& agent, Add add, const policy::LateMember* late = nullptr);

    std::unique_ptr<policy::Session> session_;
    base::json::Object input_;
    const model::Agent* inputOf_ = nullptr;  ///< whom `input_` is about
    const HookSettings& settings_;
    const model::Origin& origin_;
    const model::Caller* caller_;
};

/// Whether a token request, or an introspection, would ask any hook: then its work belongs where a hook may take its time.
[[nodiscard]] bool asksForTokens(const HookSettings& settings);
[[nodiscard]] bool asksForIntrospections(const HookSettings& settings);

}  // namespace agentidp::server
