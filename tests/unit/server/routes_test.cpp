/// The table of routes and what is generated from it.
#include <cppunit/extensions/HelperMacros.h>

#include <set>

#include "base/json.h"
#include "http/router.h"
#include "server/exchange.h"
#include "server/routes.h"

namespace agentidp::server {

class RoutesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RoutesTest);
    CPPUNIT_TEST(contradictsNoOtherRoute);
    CPPUNIT_TEST(namesTheRouteThatNobodyBound);
    CPPUNIT_TEST(leavesTheMintOutWhereItIsOff);
    CPPUNIT_TEST(knowsTheMintsPaths);
    CPPUNIT_TEST(limitsAndAuthenticatesEveryRouteThatIsNotPublic);
    CPPUNIT_TEST(describesEveryRouteAndEverySchemaItNames);
    CPPUNIT_TEST_SUITE_END();

public:
    void contradictsNoOtherRoute() {
        std::vector<http::Route> rows;
        for (const auto& route : allRoutes()) rows.push_back({route.method, std::string(route.pattern), http::PathMatching::Exact});
        CPPUNIT_ASSERT(http::Router::make(rows, {{"/v1/", "/api/v1/"}}).ok());
    }

    void namesTheRouteThatNobodyBound() {
        Endpoints endpoints;
        for (const auto& route : allRoutes())
            if (route.id != RouteId::Jwks) endpoints.bind(route.id, [](const ExchangePtr&) {});
        CPPUNIT_ASSERT(endpoints.unbound() != nullptr);
        CPPUNIT_ASSERT(endpoints.unbound()->id == RouteId::Jwks);
        endpoints.bind(RouteId::Jwks, [](const ExchangePtr&) {});
        CPPUNIT_ASSERT(endpoints.unbound() == nullptr);
    }

    void leavesTheMintOutWhereItIsOff() {
        Endpoints endpoints;
        for (const auto& route : allRoutes())
            if (!isMint(route.id)) endpoints.bind(route.id, [](const ExchangePtr&) {});
        CPPUNIT_ASSERT(endpoints.unbound(MintRoutes::Off) == nullptr);
        CPPUNIT_ASSERT(endpoints.unbound(MintRoutes::On)->id == RouteId::MintTokens);
        const auto document = base::json::parse(openapiDocument("https://id.example", "1", MintRoutes::Off));
        CPPUNIT_ASSERT(document->find("paths")->find("/tokens") == nullptr);
    }

    void knowsTheMintsPaths() {
        for (const auto* path : {"/tokens", "/TOKENS", "/Tokens/", "/healthz", "/healthz/"}) CPPUNIT_ASSERT_MESSAGE(path, isMintPath(path));
        for (const auto* path : {"", "/", "/token", "/tokens//", "/api/v1/token", "/health", "/tokens/x"})
            CPPUNIT_ASSERT_MESSAGE(path, !isMintPath(path));
    }

    void limitsAndAuthenticatesEveryRouteThatIsNotPublic() {
        for (const auto& route : allRoutes()) {
            const bool open = route.authentication == Authentication::Public;
            // The mint lets in and counts for itself.
            CPPUNIT_ASSERT_EQUAL(route.authentication == Authentication::Mint, route.limit == Limit::Mint);
            CPPUNIT_ASSERT_MESSAGE(std::string(route.pattern), open == (route.limit == Limit::None));
            // What may read storage before it knows the caller must not do so on an event loop.
            if (route.authentication == Authentication::Bearer && route.id != RouteId::AuditJob)
                CPPUNIT_ASSERT_MESSAGE(std::string(route.pattern), route.runs == Runs::Pool);
        }
    }

    void describesEveryRouteAndEverySchemaItNames() {
        const auto document = base::json::parse(openapiDocument("https://id.example", "1", MintRoutes::On));
        CPPUNIT_ASSERT(document.ok());
        const auto* schemas = document->find("components")->find("schemas");
        std::set<std::string> ids;
        std::size_t operations = 0;
        for (const auto& [path, item] : *document->find("paths")->asObject()) {
            for (const auto& [method, operation] : *item.asObject()) {
                ++operations;
                CPPUNIT_ASSERT_MESSAGE(path, ids.insert(operation.textOr("operationId", "")).second);
            }
        }
        CPPUNIT_ASSERT_EQUAL(allRoutes().size(), operations);
        for (const auto& route : allRoutes())
            for (const auto schema : {route.requestSchema, route.responseSchema})
                CPPUNIT_ASSERT_MESSAGE(std::string(schema), schema.empty() || schemas->find(schema) != nullptr);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RoutesTest);

}  // namespace agentidp::server
