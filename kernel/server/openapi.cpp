#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "server/routes.h"

namespace agentidp::server {
namespace {

namespace json = base::json;

/// `/agents/:id` as OpenAPI writes it: `/agents/{id}`.
std::string templateOf(std::string_view pattern, std::vector<std::string>& names) {
    std::string out;
    for (const auto& segment : base::split(pattern.substr(1), '/')) {
        out.push_back('/');
        if (!segment.empty() && (segment.front() == ':' || segment.front() == '*')) {
            names.push_back(segment.substr(1));
            out += "{" + names.back() + "}";
        } else {
            out += segment;
        }
    }
    return out;
}

json::Value reference(std::string_view schema) {
    return json::Object{{"schema", json::Object{{"$ref", "#/components/schemas/" + std::string(schema)}}}};
}

json::Value response(std::string_view text, std::string_view media, std::string_view schema) {
    json::Object out{{"description", text}};
    if (!schema.empty()) out.emplace_back("content", json::Object{{std::string(media), reference(schema)}});
    return out;
}

json::Value securityOf(const Route& route) {
    const json::Object bearer{{"bearer", route.scope.empty() ? json::Array{} : json::Array{route.scope}}};
    const json::Object client{{"client", json::Array{}}};
    switch (route.authentication) {
        case Authentication::Public: return json::Array{};
        case Authentication::Client: return json::Array{client};
        case Authentication::ClientOrBearer: return json::Array{client, bearer};
        case Authentication::Bearer: return json::Array{bearer};
        // Which of them is asked for, macp.mint.auth says; a client certificate is not seen at this level.
        case Authentication::Mint: return json::Array{json::Object{}, json::Object{{"bearer", json::Array{"macp:mint"}}}};
    }
    return json::Array{};
}

bool isOauth(const Route& route) {
    return route.authentication == Authentication::Client || route.authentication == Authentication::ClientOrBearer;
}

json::Value operationOf(const Route& route, const std::vector<std::string>& names) {
    json::Object operation{{"operationId", nameOf(route.id)}, {"summary", route.summary}, {"security", securityOf(route)}};
    if (!names.empty()) {
        json::Array parameters;
        for (const auto& name : names)
            parameters.emplace_back(
                json::Object{{"name", name}, {"in", "path"}, {"required", true}, {"schema", json::Object{{"type", "string"}}}});
        operation.emplace_back("parameters", std::move(parameters));
    }
    if (route.body != Body::None) {
        const auto* media = route.body == Body::Json ? "application/json" : "application/x-www-form-urlencoded";
        operation.emplace_back("requestBody", json::Object{{"required", route.body == Body::Form},
                                                           {"content", json::Object{{media, reference(route.requestSchema)}}}});
    }
    const auto refused = isMint(route.id) ? response("refused", "application/json", "MintError")
                         : isOauth(route) ? response("refused", "application/json", "OauthError")
                                          : response("refused", "application/problem+json", "Problem");
    operation.emplace_back(
        "responses",
        json::Object{{std::to_string(route.success), response("done", "application/json", route.responseSchema)}, {"default", refused}});
    return operation;
}

}  // namespace

std::string openapiDocument(std::string_view issuer, std::string_view version, MintRoutes mint) {
    std::vector<std::pair<std::string, json::Object>> paths;
    for (const auto& route : allRoutes()) {
        if (isMint(route.id) && mint == MintRoutes::Off) continue;
        std::vector<std::string> names;
        const auto path = templateOf(route.pattern, names);
        auto place = std::find_if(paths.begin(), paths.end(), [&](const auto& entry) { return entry.first == path; });
        if (place == paths.end()) place = paths.insert(paths.end(), {path, {}});
        place->second.emplace_back(base::lower(http::nameOf(route.method)), operationOf(route, names));
    }
    json::Object pathItems;
    for (auto& [path, item] : paths) pathItems.emplace_back(path, std::move(item));
    auto schemas = json::parse(openapiSchemas());
    const json::Value document = json::Object{
        {"openapi", "3.1.0"},
        {"info",
         json::Object{
             {"title", "AgentIdP"}, {"version", version}, {"license", json::Object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
        {"servers", json::Array{json::Object{{"url", issuer}}}},
        {"paths", std::move(pathItems)},
        {"components",
         json::Object{
             {"securitySchemes", json::Object{{"bearer", json::Object{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "at+jwt"}}},
                                              {"client", json::Object{{"type", "http"}, {"scheme", "basic"}}}}},
             {"schemas", std::move(schemas).value()}}}};
    return json::write(document);
}

}  // namespace agentidp::server
