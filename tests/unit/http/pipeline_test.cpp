/// A request's way through named steps.
#include <cppunit/extensions/HelperMacros.h>

#include <optional>
#include <stdexcept>

#include "http/pipeline.h"

namespace agentidp::http {
namespace {

struct Caller {
    std::string name;
};
using Turn = Pipeline<Caller>::Turn;

Response saying(int status, std::string body) {
    Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

}  // namespace

class PipelineTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PipelineTest);
    CPPUNIT_TEST(passesFromStepToStep);
    CPPUNIT_TEST(endsAtTheFirstAnswer);
    CPPUNIT_TEST(aStepThatRefusedCannotPassByMistake);
    CPPUNIT_TEST(waitsForAStep);
    CPPUNIT_TEST(answersForAStepThatThrew);
    CPPUNIT_TEST(answersWhenNobodyDid);
    CPPUNIT_TEST(observesOnceWhoeverAnswers);
    CPPUNIT_TEST_SUITE_END();

    std::vector<std::string> trace_;
    std::vector<Response> answers_;

    /// The steps given, and departures and last words that leave a trace.
    Plan<Caller> plan(std::vector<Step<Caller>> steps) {
        return {std::move(steps),
                {{"observe",
                  [this](Exchange<Caller>& turn, Response& response) {
                      trace_.push_back("observe " + turn.context.name + std::to_string(response.status));
                      response.headers.add("X-Seen", "1");
                  }}},
                [this](Exchange<Caller>& turn, const std::exception& thrown) {
                    trace_.push_back("bug in " + std::string(turn.step()) + ": " + thrown.what());
                    return saying(500, "bug");
                },
                [](Exchange<Caller>&) { return saying(500, "lost"); }};
    }
    Respond keep() {
        return [this](Response&& response) { answers_.push_back(std::move(response)); };
    }
    Step<Caller> step(std::string_view name, std::function<Flow(const Turn&)> run) {
        return {name, [this, name, run = std::move(run)](const Turn& turn) {
                    trace_.emplace_back(name);
                    return run(turn);
                }};
    }
    void expect(const std::vector<std::string>& trace, int status) {
        CPPUNIT_ASSERT(trace == trace_);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, answers_.size());
        CPPUNIT_ASSERT_EQUAL(status, answers_.front().status);
        CPPUNIT_ASSERT(answers_.front().headers.find("X-Seen") != nullptr);
    }

public:
    void passesFromStepToStep() {
        const Pipeline<Caller> pipeline(plan({
            step("id",
                 [](const Turn& turn) {
                     turn->extra.add("X-Request-Id", "7");
                     return Flow::Pass;
                 }),
            step("authenticate",
                 [](const Turn& turn) {
                     turn->context.name = "alice ";
                     return Flow::Pass;
                 }),
            step("route",
                 [](const Turn& turn) {
                     turn->answer(saying(200, turn->request.path));
                     return Flow::Taken;
                 }),
        }));
        Request request;
        request.path = "/x";
        pipeline.handle(std::move(request), keep());
        expect({"id", "authenticate", "route", "observe alice 200"}, 200);
        CPPUNIT_ASSERT_EQUAL(std::string("/x"), answers_.front().body);
        CPPUNIT_ASSERT_EQUAL(std::string("7"), *answers_.front().headers.find("X-Request-Id"));
    }

    void endsAtTheFirstAnswer() {
        const Pipeline<Caller> pipeline(plan({step("refuse",
                                                   [](const Turn& turn) {
                                                       turn->answer(saying(401, ""));
                                                       return Flow::Taken;
                                                   }),
                                              step("never", [](const Turn&) { return Flow::Pass; })}));
        pipeline.handle({}, keep());
        expect({"refuse", "observe 401"}, 401);
    }

    void aStepThatRefusedCannotPassByMistake() {
        const Pipeline<Caller> pipeline(plan({step("refuse",
                                                   [](const Turn& turn) {
                                                       turn->answer(saying(403, ""));
                                                       return Flow::Pass;
                                                   }),
                                              step("never", [](const Turn&) { return Flow::Pass; })}));
        pipeline.handle({}, keep());
        expect({"refuse", "observe 403"}, 403);
    }

    void waitsForAStep() {
        Turn waiting;
        const Pipeline<Caller> pipeline(plan({step("wait",
                                                   [&](const Turn& turn) {
                                                       waiting = turn;
                                                       return Flow::Taken;
                                                   }),
                                              step("go on", [](const Turn& turn) {
                                                  turn->answer(saying(200, ""));
                                                  return Flow::Taken;
                                              })}));
        pipeline.handle({}, keep());
        CPPUNIT_ASSERT(answers_.empty() && trace_ == std::vector<std::string>{"wait"});
        waiting->resume();
        waiting.reset();
        expect({"wait", "go on", "observe 200"}, 200);
    }

    void answersForAStepThatThrew() {
        const Pipeline<Caller> pipeline(plan({step("fine", [](const Turn&) { return Flow::Pass; }),
                                              step("bad", [](const Turn&) -> Flow { throw std::runtime_error("oops"); })}));
        pipeline.handle({}, keep());
        expect({"fine", "bad", "bug in bad: oops", "observe 500"}, 500);
    }

    void answersWhenNobodyDid() {
        const Pipeline<Caller> pipeline(plan({step("forgets", [](const Turn&) { return Flow::Taken; })}));
        pipeline.handle({}, keep());
        expect({"forgets", "observe 500"}, 500);
        CPPUNIT_ASSERT_EQUAL(std::string("lost"), answers_.front().body);
    }

    void observesOnceWhoeverAnswers() {
        const Pipeline<Caller> pipeline(plan({step("twice", [](const Turn& turn) {
            turn->answer(saying(200, "first"));
            turn->answer(saying(500, "second"));
            return Flow::Taken;
        })}));
        pipeline.handle({}, keep());
        expect({"twice", "observe 200"}, 200);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PipelineTest);

}  // namespace agentidp::http
