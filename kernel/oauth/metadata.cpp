#include "oauth/metadata.h"

#include "base/json.h"

namespace agentidp::oauth {
namespace {

void list(base::json::Writer& writer, std::string_view name, const std::vector<std::string>& values) {
    writer.key(name).beginArray();
    for (const auto& value : values) writer.text(value);
    writer.endArray();
}

}  // namespace

std::string metadataDocument(const MetadataInput& input) {
    const std::vector<std::string> methods{"client_secret_basic", "client_secret_post"};
    std::string root = input.issuer;
    while (!root.empty() && root.back() == '/') root.pop_back();
    std::string out;
    base::json::Writer writer(out);
    writer.beginObject();
    writer.key("issuer").text(input.issuer);
    writer.key("token_endpoint").text(root + "/api/v1/token");
    writer.key("introspection_endpoint").text(root + "/api/v1/token/introspect");
    writer.key("revocation_endpoint").text(root + "/api/v1/token/revoke");
    writer.key("jwks_uri").text(root + "/.well-known/jwks.json");
    if (!input.scopes.empty()) list(writer, "scopes_supported", input.scopes);
    list(writer, "response_types_supported", {});
    list(writer, "grant_types_supported", input.grantTypes);
    list(writer, "token_endpoint_auth_methods_supported", methods);
    list(writer, "introspection_endpoint_auth_methods_supported", methods);
    list(writer, "revocation_endpoint_auth_methods_supported", methods);
    if (!input.serviceDocumentation.empty()) writer.key("service_documentation").text(input.serviceDocumentation);
    writer.endObject();
    return out;
}

const std::vector<std::string>& builtInScopes() {
    static const std::vector<std::string> kScopes{"admin:orgs",    "agents:read",   "agents:write",  "audit:read", "hooks:read",
                                                  "hooks:write",   "keys:read",     "keys:write",    "macp:mint",  "tokens:introspect",
                                                  "tokens:revoke", "webhooks:read", "webhooks:write"};
    return kScopes;
}

}  // namespace agentidp::oauth
