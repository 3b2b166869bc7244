#pragma once
/// @file kernel/oauth/grant.h
/// One grant type, one small file. A grant decides what a client gets; it reads values and writes nothing.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/grant.h"
#include "oauth/client.h"
#include "oauth/token_request.h"

namespace agentidp::oauth {

enum class QuotaMode { Off, Report, Enforce };

struct TokenSettings {
    std::string issuer;
    std::string audience;  ///< `token.audience`; the issuer where unset
    base::seconds lifetime{3600};
    base::seconds maxLifetime{3600};
    QuotaMode quota = QuotaMode::Report;
};

struct GrantInput {
    const TokenRequest& request;
    const Client& client;
    const TokenSettings& settings;
};

/// Any thread.
class GrantType {
public:
    virtual ~GrantType() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual OauthResult<model::Grant> decide(const GrantInput& input) const = 0;
};

/// Every grant type this daemon knows, in the order the metadata document lists them.
[[nodiscard]] std::vector<std::unique_ptr<GrantType>> allGrantTypes();

/// RFC 6749 section 4.4. grant_client_credentials.cpp.
[[nodiscard]] std::unique_ptr<GrantType> clientCredentialsGrant();

}  // namespace agentidp::oauth
