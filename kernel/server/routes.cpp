#include "server/routes.h"

#include <algorithm>

#include "base/text.h"

namespace agentidp::server {

const std::vector<Route>& allRoutes() {
    static const std::vector<Route> kRoutes{
#define AGENTIDP_ROUTE(id, method, pattern, authentication, scope, limit, runs, body, success, request, response, summary) \
    {RouteId::id, http::Method::method,                                                                                    \
     pattern,     Authentication::authentication,                                                                          \
     scope,       Limit::limit,                                                                                            \
     Runs::runs,  Body::body,                                                                                              \
     success,     request,                                                                                                 \
     response,    summary},
#include "server/routes.def"
#undef AGENTIDP_ROUTE
    };
    return kRoutes;
}

bool isMint(RouteId id) { return id == RouteId::MintTokens || id == RouteId::MintHealth; }

bool isMintPath(std::string_view path) {
    if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    const auto& routes = allRoutes();
    return std::any_of(routes.begin(), routes.end(),
                       [&](const Route& route) { return isMint(route.id) && base::equalIgnoreCase(route.pattern, path); });
}

std::string_view nameOf(RouteId id) {
    switch (id) {
#define AGENTIDP_ROUTE(name, method, pattern, authentication, scope, limit, runs, body, success, request, response, summary) \
    case RouteId::name:                                                                                                      \
        return #name;
#include "server/routes.def"
#undef AGENTIDP_ROUTE
    }
    return "unknown";
}

}  // namespace agentidp::server
