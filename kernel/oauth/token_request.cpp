#include "oauth/token_request.h"

namespace agentidp::oauth {

OauthResult<TokenRequest> parseTokenRequest(const RawRequest& request) {
    auto form = Form::parse(request);
    if (!form) return std::move(form).refusal();
    auto client = presentedClient(request, *form);
    if (!client) return std::move(client).refusal();
    TokenRequest out;
    const auto* grantType = form->find("grant_type");
    if (grantType == nullptr) return oauthError(OauthCode::InvalidRequest, "grant_type is missing", "malformed");
    out.grantType = *grantType;
    if (const auto* scope = form->find("scope")) out.scope = *scope;
    out.resource = form->all("resource");
    out.client = *std::move(client);
    return out;
}

}  // namespace agentidp::oauth
