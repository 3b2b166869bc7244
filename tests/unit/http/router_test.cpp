/// Method and path to a row of the table.
#include <cppunit/extensions/HelperMacros.h>

#include "http/router.h"

namespace agentidp::http {

using Kind = RouteMatch::Kind;

class RouterTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RouterTest);
    CPPUNIT_TEST(findsLiteralsBeforeParameters);
    CPPUNIT_TEST(namesTheSegments);
    CPPUNIT_TEST(listsWhatIsAllowed);
    CPPUNIT_TEST(servesHeadByGet);
    CPPUNIT_TEST(readsAliases);
    CPPUNIT_TEST(matchesPathsAsReceived);
    CPPUNIT_TEST(relaxesOnlyWhereTheTableSays);
    CPPUNIT_TEST(refusesTablesThatAreUnclear);
    CPPUNIT_TEST_SUITE_END();

    static Router make() {
        auto router = Router::make(
            {
                {Method::Post, "/api/v1/agents"},
                {Method::Get, "/api/v1/agents/:id"},
                {Method::Delete, "/api/v1/agents/:id"},
                {Method::Post, "/api/v1/agents/:id/credentials/:credentialId/rotate"},
                {Method::Get, "/api/v1/audit/:eventId"},
                {Method::Get, "/api/v1/audit/verify"},
                {Method::Get, "/api/v1/audit/tile/*tile"},
                {Method::Get, "/"},
                {Method::Post, "/tokens", PathMatching::AnyCaseAndSlash},
                {Method::Post, "/api/v1/audit/verify/deep/:x"},
            },
            {{"/v1/", "/api/v1/"}});
        CPPUNIT_ASSERT(router.ok());
        return std::move(router).value();
    }

    static std::string patternOf(const RouteMatch& match) { return std::string(match.pattern); }

public:
    void findsLiteralsBeforeParameters() {
        const Router router = make();
        CPPUNIT_ASSERT_EQUAL(std::string("/api/v1/audit/verify"), patternOf(router.match(Method::Get, "/api/v1/audit/verify")));
        CPPUNIT_ASSERT_EQUAL(std::string("/api/v1/audit/:eventId"), patternOf(router.match(Method::Get, "/api/v1/audit/verifier")));
        CPPUNIT_ASSERT_EQUAL(std::string("/"), patternOf(router.match(Method::Get, "/")));
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, router.match(Method::Get, "/api/v1/audit/verify").route);
        // The literal branch ends blind; the walk goes back to none, since :eventId has no children.
        CPPUNIT_ASSERT(router.match(Method::Get, "/api/v1/audit/verify/deep").kind == Kind::NoSuchPath);
    }

    void namesTheSegments() {
        const Router router = make();
        const auto match = router.match(Method::Post, "/api/v1/agents/a-1/credentials/c-2/rotate");
        CPPUNIT_ASSERT(match.kind == Kind::Found);
        CPPUNIT_ASSERT(match.param("id") == "a-1" && match.param("credentialId") == "c-2" && match.param("other").empty());
        CPPUNIT_ASSERT(router.match(Method::Get, "/api/v1/audit/tile/0/x001/067.p/12").param("tile") == "0/x001/067.p/12");
        CPPUNIT_ASSERT(router.match(Method::Get, "/api/v1/audit/tile/").kind == Kind::NoSuchPath);
    }

    void listsWhatIsAllowed() {
        const Router router = make();
        const auto match = router.match(Method::Put, "/api/v1/agents/7");
        CPPUNIT_ASSERT(match.kind == Kind::NoSuchMethod);
        CPPUNIT_ASSERT_EQUAL(std::string("GET, HEAD, DELETE"), match.allow);
        CPPUNIT_ASSERT_EQUAL(std::string("/api/v1/agents/:id"), patternOf(match));
        CPPUNIT_ASSERT_EQUAL(std::string("POST"), router.match(Method::Get, "/api/v1/agents").allow);
        CPPUNIT_ASSERT(router.match(Method::Other, "/api/v1/agents").kind == Kind::NoSuchMethod);
    }

    void servesHeadByGet() {
        const Router router = make();
        CPPUNIT_ASSERT(router.match(Method::Head, "/api/v1/agents/7").kind == Kind::Found);
        CPPUNIT_ASSERT(router.match(Method::Head, "/api/v1/agents").kind == Kind::NoSuchMethod);
    }

    void readsAliases() {
        const Router router = make();
        const auto match = router.match(Method::Get, "/v1/agents/7");
        CPPUNIT_ASSERT_EQUAL(std::string("/api/v1/agents/:id"), patternOf(match));
        CPPUNIT_ASSERT(match.param("id") == "7");
        CPPUNIT_ASSERT(router.match(Method::Get, "/v1/v1/agents/7").kind == Kind::NoSuchPath);
        CPPUNIT_ASSERT(router.match(Method::Get, "/v1").kind == Kind::NoSuchPath);
    }

    void matchesPathsAsReceived() {
        const Router router = make();
        for (const std::string_view path :
             {"/api/v1/agents/", "/api/v1//agents", "//api/v1/agents", "/api/v1/agents/7/", "/api/v1/agents//", "/API/v1/agents",
              "/api/v1/../v1/agents", "/api%2fv1/agents", "", "x", "/api/v1/agents/a/b"}) {
            CPPUNIT_ASSERT_MESSAGE(std::string(path), router.match(Method::Post, path).kind == Kind::NoSuchPath);
        }
        CPPUNIT_ASSERT(router.match(Method::Get, "/api/v1/agents/a%2fb").param("id") == "a%2fb");
        CPPUNIT_ASSERT(router.match(Method::Get, "/api/v1/agents/..").param("id") == "..");
    }

    void relaxesOnlyWhereTheTableSays() {
        const Router router = make();
        for (const std::string_view path : {"/tokens", "/Tokens", "/TOKENS/", "/tokens/"}) {
            CPPUNIT_ASSERT_EQUAL(std::string("/tokens"), patternOf(router.match(Method::Post, path)));
        }
        CPPUNIT_ASSERT(router.match(Method::Post, "/tokens//").kind == Kind::NoSuchPath);
        CPPUNIT_ASSERT(router.match(Method::Get, "/Tokens").kind == Kind::NoSuchMethod);
    }

    void refusesTablesThatAreUnclear() {
        const auto refused = [](std::vector<Route> table) { return !Router::make(std::move(table)).ok(); };
        CPPUNIT_ASSERT(refused({{Method::Get, "/a/:id"}, {Method::Get, "/a/:other"}}));
        CPPUNIT_ASSERT(refused({{Method::Get, "a"}}));
        CPPUNIT_ASSERT(refused({{Method::Get, ""}}));
        CPPUNIT_ASSERT(refused({{Method::Get, "/a//b"}}));
        CPPUNIT_ASSERT(refused({{Method::Get, "/a/"}}));
        CPPUNIT_ASSERT(refused({{Method::Get, "/:"}}));
        CPPUNIT_ASSERT(refused({{Method::Get, "/*rest/more"}}));
        CPPUNIT_ASSERT(refused({{Method::Other, "/a"}}));
        CPPUNIT_ASSERT(!refused({{Method::Get, "/a/:id"}, {Method::Delete, "/a/:other"}}));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RouterTest);

}  // namespace agentidp::http
