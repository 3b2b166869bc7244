#pragma once
/// @file kernel/server/hook_inputs.h
/// What hooks are shown, point by point: exactly the members that policy/hook_points.def lists, from values the request holds already.
/// Never a token, a secret or a key. Any thread.
#include <optional>
#include <string_view>

#include "base/json.h"
#include "model/caller.h"
#include "model/grant.h"
#include "oauth/client_auth.h"
#include "oauth/token_request.h"

namespace agentidp::server::hook_inputs {

[[nodiscard]] base::json::Value authenticate(const oauth::AuthenticatedClient& client, const oauth::TokenRequest& request,
                                             const model::Origin& origin);
[[nodiscard]] base::json::Value scopeCheck(const model::Agent& agent, const oauth::TokenRequest& request, const model::Grant& grant,
                                           const model::Origin& origin);
[[nodiscard]] base::json::Value claims(const model::Agent& agent, const model::Grant& grant, const model::Origin& origin);
[[nodiscard]] base::json::Value rateLimitKey(const model::Agent& agent, const model::Origin& origin);
[[nodiscard]] base::json::Value agentRegister(std::string_view operation, const model::Agent& agent, const model::Caller& caller,
                                              const model::Origin& origin);
[[nodiscard]] base::json::Value credentialLifecycle(std::string_view operation, const model::Agent& agent,
                                                    std::optional<base::Instant> expiresAt, const model::Caller& caller,
                                                    const model::Origin& origin);
/// `agent`: whom the event is about, where the request holds it; else null.
[[nodiscard]] base::json::Value auditEnrich(const model::AuditEvent& event, const model::Agent* agent);
/// `answer`: the members of an active answer.
[[nodiscard]] base::json::Value introspectFilter(const model::Caller& caller, base::json::Value answer, const model::Origin& origin);

}  // namespace agentidp::server::hook_inputs
