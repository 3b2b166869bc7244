#pragma once
/// @file kernel/server/routes.h
/// The table of routes as values.
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace agentidp::server {

enum class Authentication { Public, Client, ClientOrBearer, Bearer, Mint };
enum class Limit { None, Client, AuditVerify, Mint };
enum class Runs { Loop, Pool, Choose };
enum class Body { None, Json, Form };

enum class RouteId {
#define AGENTIDP_ROUTE(id, method, pattern, authentication, scope, limit, runs, body, success, request, response, summary) id,
#include "server/routes.def"
#undef AGENTIDP_ROUTE
};

struct Route {
    RouteId id;
    http::Method method;
    std::string_view pattern;
    Authentication authentication;
    std::string_view scope;
    Limit limit;
    Runs runs;
    Body body;
    int success;
    std::string_view requestSchema;
    std::string_view responseSchema;
    std::string_view summary;
};

/// Whether this daemon is a MACP mint as well (`macp.mint.enabled`).
enum class MintRoutes { Off, On };
/// The mint's own routes: there where it is on, and 404 where it is off.
[[nodiscard]] bool isMint(RouteId id);
/// Whether a path is one of theirs. They match without case and with a trailing slash.
[[nodiscard]] bool isMintPath(std::string_view path);

/// In the order of routes.def: where two patterns match, the earlier one is taken.
[[nodiscard]] const std::vector<Route>& allRoutes();
/// The name of the enum, for OpenAPI's operationId.
[[nodiscard]] std::string_view nameOf(RouteId id);

/// /openapi.json: OpenAPI 3.1 from the table and the schemas of openapi_schemas.cpp.
[[nodiscard]] std::string openapiDocument(std::string_view issuer, std::string_view version, MintRoutes mint);
/// components.schemas, JSON.
[[nodiscard]] std::string_view openapiSchemas();

}  // namespace agentidp::server
