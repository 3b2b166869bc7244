#pragma once
/// @file kernel/oauth/token_request.h
/// The form of POST /api/v1/token as a typed value, parsed once.
#include <optional>
#include <string>
#include <vector>

#include "oauth/client_auth.h"

namespace agentidp::oauth {

struct TokenRequest {
    std::string grantType;
    std::optional<std::string> scope;   ///< as sent, not yet looked at
    std::vector<std::string> resource;  ///< RFC 8707
    PresentedClient client;
};

/// Errors: invalid_request, invalid_client.
[[nodiscard]] OauthResult<TokenRequest> parseTokenRequest(const RawRequest& request);

}  // namespace agentidp::oauth
