/// RFC 6749 section 4.4: the client asks for itself.
#include <algorithm>

#include "oauth/grant.h"

namespace agentidp::oauth {
namespace {

class ClientCredentials final : public GrantType {
public:
    [[nodiscard]] std::string_view name() const override { return "client_credentials"; }

    [[nodiscard]] OauthResult<model::Grant> decide(const GrantInput& input) const override {
        const auto& agent = input.client.agent;
        const auto& settings = input.settings;
        for (const auto& resource : input.request.resource)
            if (resource != settings.audience && resource != settings.issuer)
                return oauthError(OauthCode::InvalidTarget, {}, "unknown_resource");
        model::Grant grant;
        grant.scopes = agent.scopes;
        if (input.request.scope) {
            auto wanted = model::parseScopes(*input.request.scope);
            if (!wanted || wanted->empty()) return oauthError(OauthCode::InvalidScope, {}, "malformed_scope");
            if (!model::isSubset(*wanted, agent.scopes)) return oauthError(OauthCode::InvalidScope, {}, "scope_not_granted");
            grant.scopes = *std::move(wanted);
        }
        grant.subject = agent.id;
        grant.clientId = agent.id;
        grant.agentNum = agent.num;
        grant.organizationId = agent.organizationId;
        grant.organizationNum = agent.organizationNum;
        grant.audience = settings.audience;
        grant.lifetime = std::min(settings.lifetime, settings.maxLifetime);
        grant.claimsJson = agent.claimsJson;
        return grant;
    }
};

}  // namespace

std::unique_ptr<GrantType> clientCredentialsGrant() { return std::make_unique<ClientCredentials>(); }

}  // namespace agentidp::oauth
