#include "oauth/policy.h"

#include <algorithm>

namespace agentidp::oauth {
namespace {

constexpr std::size_t kMaxDescription = 320;

/// Within what RFC 6749 section 5.2 allows in error_description.
std::string describable(std::string text) {
    for (char& c : text)
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') c = '?';
    text.resize(std::min(text.size(), kMaxDescription));
    return text;
}

}  // namespace

OauthError policyDenied(std::string_view code, std::string_view reason) {
    std::string text(code);
    if (!reason.empty()) text.append(": ").append(reason);
    return oauthError(OauthCode::AccessDenied, describable(std::move(text)), "hook_denied");
}

OauthError hookUnavailable(std::string why) {
    auto error = oauthError(OauthCode::TemporarilyUnavailable, "hook_unavailable: a policy hook gave no answer", "hook_unavailable");
    error.logDetail = std::move(why);
    error.retryAfter = base::seconds(1);
    return error;
}

OauthResult<model::Grant> narrowed(model::Grant grant, const Narrowing& narrowing, std::string_view issuer) {
    if (narrowing.scopes) {
        if (!model::isSubset(*narrowing.scopes, grant.scopes)) return hookUnavailable("a scope hook kept a scope that was not there");
        if (narrowing.scopes->empty() && !grant.scopes.empty()) return policyDenied("no_scope_left", "policy leaves no scope to grant");
        grant.scopes = *narrowing.scopes;
    }
    if (narrowing.maxTtl) {
        if (*narrowing.maxTtl < base::seconds(1)) return hookUnavailable("a scope hook left no lifetime");
        grant.lifetime = std::min(grant.lifetime, *narrowing.maxTtl);
    }
    if (narrowing.audience && *narrowing.audience != grant.audience) {
        if (*narrowing.audience != issuer) return hookUnavailable("a scope hook named an audience that was not asked for");
        grant.audience = *narrowing.audience;
    }
    return grant;
}

}  // namespace agentidp::oauth
