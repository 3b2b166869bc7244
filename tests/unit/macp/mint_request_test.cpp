/// The checks of POST /tokens, in their order, with their sentences.
#include "macp/mint_request.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/json.h"

namespace agentidp::macp {

class MintRequestTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MintRequestTest);
    CPPUNIT_TEST(takesTheSmallestRequest);
    CPPUNIT_TEST(refusesBodiesThatAreNoJson);
    CPPUNIT_TEST(requiresASender);
    CPPUNIT_TEST(readsJsonMediaTypesOnly);
    CPPUNIT_TEST(refusesForeignCharsets);
    CPPUNIT_TEST(wantsScopesToBeAnObject);
    CPPUNIT_TEST(rewritesScopes);
    CPPUNIT_TEST(wantsAPositiveTtl);
    CPPUNIT_TEST(clampsAndKeepsFractions);
    CPPUNIT_TEST(answersTheFirstFailure);
    CPPUNIT_TEST(ignoresUnknownMembers);
    CPPUNIT_TEST_SUITE_END();

    static MintResult<MintRequest> parse(std::string_view body, std::optional<std::string_view> type = "application/json",
                                         TtlRules rules = {}) {
        return parseMintRequest({type, body}, rules);
    }
    static std::string fault(std::string_view body, std::optional<std::string_view> type = "application/json") {
        const auto request = parse(body, type);
        if (request) return "taken";
        CPPUNIT_ASSERT_EQUAL(400, request.refusal().status);
        return request.refusal().error;
    }
    static std::string scopes(std::string_view value) { return parse(R"({"sender":"a","scopes":)" + std::string(value) + "}")->scopesJson; }
    static double ttl(std::string_view value) { return parse(R"({"sender":"a","ttl_seconds":)" + std::string(value) + "}")->ttlSeconds; }
    static void same(std::string_view expected, const std::string& got) { CPPUNIT_ASSERT_EQUAL(std::string(expected), got); }

public:
    void takesTheSmallestRequest() {
        const auto request = parse(R"({"sender":"agent-1"})");
        same("agent-1", request->sender);
        same("{}", request->scopesJson);
        CPPUNIT_ASSERT_EQUAL(300.0, request->ttlSeconds);
        same(" agent ", parse(R"({"sender":" agent "})")->sender);
    }

    void refusesBodiesThatAreNoJson() {
        for (const auto* body :
             {"{", "{}x", "1", "\"a\"", "null", "true", " ", "{\"sender\":\"a\",\"sender\":\"b\"}", "\xEF\xBB\xBF{}", "{\"a\":\"\xFF\"}"})
            same("invalid JSON body", fault(body));
        std::string deep = R"({"sender":"a","scopes":)";
        for (std::size_t i = 0; i < kMaxDepth; ++i) deep += R"({"a":)";
        same("invalid JSON body", fault(deep + "1" + std::string(kMaxDepth + 1, '}')));
    }

    void requiresASender() {
        for (const auto* body : {"", "{}", "[]", "[{\"sender\":\"a\"}]", R"({"sender":null})", R"({"sender":1})", R"({"sender":""})",
                                 R"({"sender":" \t\n"})", R"({"sender":"\ufeff\u00a0"})", R"({"sender":["a"]})", R"({"sender":{}})"})
            same("sender is required", fault(body));
        same("taken", fault(R"({"sender":"\u200b"})"));
        same("taken", fault(R"({"sender":"\ud800"})"));
    }

    void readsJsonMediaTypesOnly() {
        const auto* body = R"({"sender":"a"})";
        for (const auto* type : {"application/json", "Application/JSON", "application/json; charset=utf-8",
                                 "application/json;charset=\"UTF-8\"", "application/json; version=1"})
            same("taken", fault(body, type));
        for (const auto* type : {"text/plain", "", "application/problem+json", "application/jsonx", "application/x-www-form-urlencoded"})
            same("sender is required", fault(body, type));
        same("sender is required", fault(body, std::nullopt));
        same("sender is required", fault("{", "text/plain"));
    }

    void refusesForeignCharsets() {
        for (const auto* type : {"application/json; charset=iso-8859-1", "application/json; charset=utf-16",
                                 "application/json; charset=", "application/json; charset"})
            same("invalid JSON body", fault(R"({"sender":"a"})", type));
    }

    void wantsScopesToBeAnObject() {
        for (const auto* value : {"null", "[]", "\"a\"", "1", "true", "1e400"})
            same("scopes must be an object", fault(R"({"sender":"a","scopes":)" + std::string(value) + "}"));
    }

    void rewritesScopes() {
        same("{}", scopes("{}"));
        same(R"({"a":3,"b":100})", scopes(R"({ "a" : 3.0 , "b" : 1e2 })"));
        same(R"({"1":"one","2":"two","z":[1,null],"a":{"__proto__":1}})",
             scopes(R"({"z":[1,1e999],"2":"two","a":{"__proto__":1},"1":"one"})"));
    }

    void wantsAPositiveTtl() {
        for (const auto* value : {"0", "-0", "-1", "\"60\"", "true", "false", "[]", "[60]", "{}", "1e400", "-1e400", "1e-400"})
            same("ttl_seconds must be a positive number", fault(R"({"sender":"a","ttl_seconds":)" + std::string(value) + "}"));
    }

    void clampsAndKeepsFractions() {
        CPPUNIT_ASSERT_EQUAL(300.0, ttl("null"));
        CPPUNIT_ASSERT_EQUAL(60.5, ttl("60.5"));
        CPPUNIT_ASSERT_EQUAL(5e-324, ttl("5e-324"));
        CPPUNIT_ASSERT_EQUAL(3600.0, ttl("3600.1"));
        CPPUNIT_ASSERT_EQUAL(3600.0, ttl("1e308"));
        CPPUNIT_ASSERT_EQUAL(60.0, parse(R"({"sender":"a"})", "application/json", {300, 60})->ttlSeconds);
    }

    void answersTheFirstFailure() {
        same("sender is required", fault(R"({"scopes":1,"ttl_seconds":0})"));
        same("scopes must be an object", fault(R"({"ttl_seconds":0,"scopes":1,"sender":"a"})"));
    }

    void ignoresUnknownMembers() { same("taken", fault(R"({"x":1,"sender":"a","Sender":2,"ttl":0})")); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MintRequestTest);

}  // namespace agentidp::macp
