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

using base::json::Object;

/// What every point is shown first: the agent it is about, and the request. The others add to it what their point has beside that.
[[nodiscard]] Object about(const model::Agent& agent, const model::Origin& origin);
/// The same of an event whose agent the request does not hold.
[[nodiscard]] Object about(const model::AuditEvent& event);
inline constexpr std::size_t kAbout = 2;  ///< members of about()

void authenticate(Object& input, const oauth::AuthenticatedClient& client, const oauth::TokenRequest& request);
void scopeCheck(Object& input, const oauth::TokenRequest& request, const model::Grant& grant);
void claims(Object& input, const model::Grant& grant);
void agentRegister(Object& input, std::string_view operation, const model::Caller& caller);
void credentialLifecycle(Object& input, std::string_view operation, std::optional<base::seconds> ttl, const model::Caller& caller);
/// All but the metadata, which are parsed only for who looks at them.
void auditEnrich(Object& input, const model::AuditEvent& event);
inline constexpr std::string_view kMetadata = "metadata";
[[nodiscard]] base::json::Value metadataOf(const model::AuditEvent& event);
/// Whole: it is about a caller and not about an agent. `answer`: the members of an active answer.
[[nodiscard]] Object introspectFilter(const model::Caller& caller, base::json::Value answer, const model::Origin& origin);

}  // namespace agentidp::server::hook_inputs
