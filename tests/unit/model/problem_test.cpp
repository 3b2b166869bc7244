#include "model/problem.h"

#include <cppunit/extensions/HelperMacros.h>

#include <set>

#include "base/json.h"

namespace agentidp::model {

class ProblemTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ProblemTest);
    CPPUNIT_TEST(writesEveryMember);
    CPPUNIT_TEST(mapsEveryCause);
    CPPUNIT_TEST(challengesWhereTheRfcDoes);
    CPPUNIT_TEST(row64TellsTheClientNothingOfABug);
    CPPUNIT_TEST_SUITE_END();

    static std::string header(const Answer& answer, std::string_view name) {
        for (const auto& [key, value] : answer.headers)
            if (key == name) return value;
        return {};
    }
    static constexpr ProblemContext kContext{"/api/v1/agents", "request-1", "https://docs.example/errors/"};

public:
    void writesEveryMember() {
        const auto answer = render(invalid({{"/email", "is required"}}), kContext);
        CPPUNIT_ASSERT_EQUAL(400, answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("application/problem+json"), header(answer, "Content-Type"));
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"type":"https://docs.example/errors/VALIDATION_ERROR","title":"The request is not valid","status":400,)"
                        R"("detail":"one thing is wrong with the request","instance":"/api/v1/agents","code":"VALIDATION_ERROR",)"
                        R"("requestId":"request-1","errors":[{"pointer":"/email","detail":"is required"}]})"),
            answer.body);
    }

    void mapsEveryCause() {
        using base::Errc;
        const std::vector<std::pair<Errc, int>> expected{
            {Errc::Invalid, 400},         {Errc::NotFound, 404}, {Errc::Exists, 409},
            {Errc::Unauthenticated, 401}, {Errc::Denied, 403},   {Errc::Conflict, 409},
            {Errc::TooMany, 429},         {Errc::TooLarge, 413}, {Errc::PreconditionFailed, 412},
            {Errc::Deadline, 503},        {Errc::Internal, 500}, {Errc::Unavailable, 503},
            {Errc::Unsupported, 400}};
        for (const auto& [cause, status] : expected) CPPUNIT_ASSERT_EQUAL(status, statusOf(problemOf(base::fail(cause, "hint")).code));
        for (const auto cause : {Errc::TooMany, Errc::Unavailable})
            CPPUNIT_ASSERT_EQUAL(std::string("1"), header(render(problemOf(base::fail(cause, "")), kContext), "Retry-After"));
    }

    void challengesWhereTheRfcDoes() {
        CPPUNIT_ASSERT_EQUAL(std::string("Bearer realm=\"agentidp\""),
                             header(render(problem(ProblemCode::Unauthorized, ""), kContext), "WWW-Authenticate"));
        CPPUNIT_ASSERT_EQUAL(std::string("Bearer realm=\"agentidp\""),
                             header(render(problem(ProblemCode::Forbidden, ""), kContext), "WWW-Authenticate"));
        CPPUNIT_ASSERT_EQUAL(std::string("Bearer realm=\"agentidp\", error=\"insufficient_scope\", scope=\"agents:read\""),
                             header(render(insufficientScope("agents:read"), kContext), "WWW-Authenticate"));
        CPPUNIT_ASSERT(header(render(problem(ProblemCode::NotFound, ""), kContext), "WWW-Authenticate").empty());
    }

    void row64TellsTheClientNothingOfABug() {
        const auto answer = render(problemOf(base::fail(base::Errc::Internal, "SELECT * FROM agents", "stack of kernel/x.cpp")), kContext);
        CPPUNIT_ASSERT_EQUAL(500, answer.status);
        CPPUNIT_ASSERT(answer.body.find("SELECT") == std::string::npos && answer.body.find("kernel") == std::string::npos);
        CPPUNIT_ASSERT(answer.body.find("request-1") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("no-store"), header(answer, "Cache-Control"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProblemTest);

}  // namespace agentidp::model
