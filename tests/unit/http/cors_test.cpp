/// Which pages may read an answer.
#include <cppunit/extensions/HelperMacros.h>

#include "http/cors.h"

namespace agentidp::http {

class CorsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CorsTest);
    CPPUNIT_TEST(row55AllowsNoStrangerAndNoCredentials);
    CPPUNIT_TEST(allowsAnyOriginUnderAStar);
    CPPUNIT_TEST(answersPreflights);
    CPPUNIT_TEST(saysNothingWhenOff);
    CPPUNIT_TEST(refusesSettingsThatAreNoOrigins);
    CPPUNIT_TEST_SUITE_END();

    static Request from(std::string_view origin, Method method = Method::Get) {
        Request request;
        request.method = method;
        request.headers.add("Origin", origin);
        return request;
    }
    static std::string valueOf(const CorsPolicy::Decision& decision, std::string_view name) {
        for (const auto& field : decision.headers) {
            if (field.name == name) return field.value;
        }
        return "";
    }
    static std::string allowed(const CorsPolicy& policy, const Request& request) {
        const auto decision = policy.decide(request, "GET");
        CPPUNIT_ASSERT_EQUAL(std::string(), valueOf(decision, "Access-Control-Allow-Credentials"));
        return valueOf(decision, "Access-Control-Allow-Origin");
    }

public:
    void row55AllowsNoStrangerAndNoCredentials() {
        const auto policy = *CorsPolicy::parse("https://app.example, http://localhost:5173");
        CPPUNIT_ASSERT_EQUAL(std::string("https://app.example"), allowed(policy, from("https://app.example")));
        CPPUNIT_ASSERT_EQUAL(std::string("http://localhost:5173"), allowed(policy, from("http://localhost:5173")));
        for (const std::string_view origin : {"null", "https://evil.example", "https://app.example.evil", "https://app.example:444",
                                              "http://app.example", "https://APP.example", "https://app.example/", ""}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(origin), std::string(), allowed(policy, from(origin)));
        }
        const auto any = *CorsPolicy::parse("*");
        CPPUNIT_ASSERT_EQUAL(std::string(), allowed(any, from("null")));
        Request cookie = from("https://evil.example");
        cookie.headers.add("Cookie", "a=b");
        CPPUNIT_ASSERT_EQUAL(std::string(), allowed(any, cookie));
        Request certificate = from("https://evil.example");
        certificate.peer.clientCertificateDer = "DER";
        CPPUNIT_ASSERT_EQUAL(std::string(), allowed(any, certificate));
        CPPUNIT_ASSERT_EQUAL(std::string("Origin"), valueOf(policy.decide(from("null"), "GET"), "Vary"));
    }

    void allowsAnyOriginUnderAStar() {
        const auto any = *CorsPolicy::parse(" * ");
        CPPUNIT_ASSERT_EQUAL(std::string("*"), allowed(any, from("https://who.example")));
        CPPUNIT_ASSERT_EQUAL(std::string(), valueOf(any.decide(from("https://who.example"), "GET"), "Vary"));
        CPPUNIT_ASSERT(valueOf(any.decide(from("https://who.example"), "GET"), "Access-Control-Expose-Headers").find("X-Request-Id") !=
                       std::string::npos);
    }

    void answersPreflights() {
        const auto policy = *CorsPolicy::parse("https://app.example");
        Request request = from("https://app.example", Method::Options);
        CPPUNIT_ASSERT(!policy.decide(request, "GET").preflight);
        request.headers.add("Access-Control-Request-Method", "PATCH");
        const auto decision = policy.decide(request, "GET, PATCH");
        CPPUNIT_ASSERT(decision.preflight);
        CPPUNIT_ASSERT_EQUAL(std::string("GET, PATCH"), valueOf(decision, "Access-Control-Allow-Methods"));
        CPPUNIT_ASSERT(valueOf(decision, "Access-Control-Allow-Headers").find("Authorization") != std::string::npos);
        Request stranger = from("https://evil.example", Method::Options);
        stranger.headers.add("Access-Control-Request-Method", "PATCH");
        CPPUNIT_ASSERT(!policy.decide(stranger, "GET, PATCH").preflight);
    }

    void saysNothingWhenOff() {
        const auto off = *CorsPolicy::parse("  ");
        CPPUNIT_ASSERT(off.decide(from("https://app.example"), "GET").headers.empty());
        CPPUNIT_ASSERT((*CorsPolicy::parse("*")).decide(Request{}, "GET").headers.empty());
    }

    void refusesSettingsThatAreNoOrigins() {
        for (const std::string_view setting :
             {"app.example", "https://", "https://a/path", "*, https://a", "https://a,,https://b", "null", "https://A.example"}) {
            CPPUNIT_ASSERT_MESSAGE(std::string(setting), !CorsPolicy::parse(setting).ok());
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CorsTest);

}  // namespace agentidp::http
