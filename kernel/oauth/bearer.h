#pragma once
/// @file kernel/oauth/bearer.h
/// Authorization: Bearer (RFC 6750 section 2.1, the only way accepted) -> who calls the REST API.
#include <optional>
#include <string_view>

#include "model/caller.h"
#include "model/decided.h"
#include "model/problem.h"
#include "oauth/token_verifier.h"

namespace agentidp::oauth {

struct BearerRefusal {
    model::Problem problem;     ///< 401 UNAUTHORIZED with WWW-Authenticate, or 503
    std::string reason;         ///< "no_token", "malformed", or the TokenState; for auth.failed and metrics
    std::string claimedClient;  ///< from claims that were at least signed by us; else empty
};

/// True where the field begins with the scheme, in any case.
[[nodiscard]] bool isBearer(std::string_view authorization);
/// The token text; nothing unless it is `Bearer` SP b64token within kMaxTokenLength.
[[nodiscard]] std::optional<std::string_view> bearerToken(std::string_view authorization);

/// Any thread; blocks only where the verifier does.
class BearerAuth {
public:
    explicit BearerAuth(TokenVerifier& verifier) : verifier_(verifier) {}
    [[nodiscard]] model::Decided<model::Caller, BearerRefusal> authenticate(std::optional<std::string_view> authorization,
                                                                            base::Instant now) const;

private:
    TokenVerifier& verifier_;
};

}  // namespace agentidp::oauth
