/// What may come back from a hook, point by point, and the bounds of each member.
#include "policy/verdict.h"

#include <cppunit/extensions/HelperMacros.h>

#include <thread>

#include "policy/script.h"

namespace agentidp::policy {
namespace {

CallReport returned(HookPoint point, std::string_view expression) {
    const std::string text = "return { api = 1, name = 't', version = '1', hooks = { " + std::string(nameOf(point)) +
                             " = function(ctx)\nreturn " + std::string(expression) + "\nend } }";
    const auto made = compile({"t.lua", text}, nullptr, {});
    if (!made.script) CPPUNIT_FAIL(made.complaints.front().text + " in " + std::string(expression));
    return made.script->call(point, base::json::Object{}, {});
}

Verdict good(HookPoint point, std::string_view expression) {
    const auto report = returned(point, expression);
    if (report.failure() != nullptr) CPPUNIT_FAIL(report.failure()->text);
    return *report.verdict();
}

void bad(HookPoint point, std::string_view expression) {
    const auto report = returned(point, expression);
    CPPUNIT_ASSERT_MESSAGE(std::string(expression), report.failure() != nullptr && report.failure()->kind == FailureKind::BadResult);
}

}  // namespace

class VerdictTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(VerdictTest);
    CPPUNIT_TEST(eachKind);
    CPPUNIT_TEST(bounds);
    CPPUNIT_TEST(onlyWhatThePointPermits);
    CPPUNIT_TEST(thePoints);
    CPPUNIT_TEST(manyThreadsShareAScript);
    CPPUNIT_TEST_SUITE_END();

public:
    void eachKind() {
        CPPUNIT_ASSERT(good(HookPoint::Authenticate, "allow()").kind == VerdictKind::Allow);
        CPPUNIT_ASSERT_EQUAL(std::string("x"), good(HookPoint::Authenticate, "deny('x')").code);
        const auto narrow = good(HookPoint::ScopeCheck, "narrow{scopes={}, max_ttl=60.0, audience='api'}");
        CPPUNIT_ASSERT(narrow.scopes && narrow.scopes->empty() && narrow.maxTtl == base::seconds(60) && narrow.audience == "api");
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":1,"b":{"c":[true]}})"),
                             base::json::write(good(HookPoint::Claims, "add{b={c={true}}, a=1}").fields));
        CPPUNIT_ASSERT(good(HookPoint::CredentialLifecycle, "shorten{max_ttl=5}").maxTtl == base::seconds(5));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, good(HookPoint::AgentRegister, "annotate{team='x'}").fields.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, good(HookPoint::AuditEnrich, "enrich{}").fields.size());
        const auto rate = good(HookPoint::RateLimitKey, "rate{key='org:1', cost=100}");
        CPPUNIT_ASSERT(rate.key == "org:1" && rate.cost == 100);
        CPPUNIT_ASSERT((good(HookPoint::IntrospectFilter, "omit{'sub', 'act'}").names == std::vector<std::string>{"sub", "act"}));
    }

    void bounds() {
        for (const auto* expression :
             {"deny('')", "deny('A')", "deny(string.rep('a', 65))", "deny('a', string.rep('b', 257))", "deny('a', 1)", "narrow({})",
              "narrow({max_ttl=0})", "narrow({max_ttl=1.5})", "narrow({audience=''})", "narrow({scopes='read'})", "narrow({scopes={1}})",
              "narrow(1)", "allow(1)", "1"})
            bad(HookPoint::ScopeCheck, expression);
        for (const auto* expression :
             {"rate{cost=0}", "rate{cost=101}", "rate{key='a b'}", "rate{key=string.rep('k', 129)}", "rate{key=''}"})
            bad(HookPoint::RateLimitKey, expression);
        for (const auto* expression : {"add{A=1}", "add{['1a']=1}", "add{1, 2}", "add{a=allow}", "add{a=0/0}", "add{a='\\xff'}"})
            bad(HookPoint::Claims, expression);
    }

    void onlyWhatThePointPermits() {
        bad(HookPoint::Authenticate, "narrow({max_ttl=1})");
        bad(HookPoint::Claims, "allow()");
        bad(HookPoint::AuditEnrich, "add{a=1}");
        bad(HookPoint::RateLimitKey, "deny('x')");
    }

    void thePoints() {
        CPPUNIT_ASSERT_EQUAL(std::size_t{11}, allHookPoints().size());
        for (const auto& row : allHookPoints()) {
            CPPUNIT_ASSERT(hookPointNamed(row.name) == row.point);
            CPPUNIT_ASSERT(&rowOf(row.point) == &row);
            CPPUNIT_ASSERT(row.results != 0 && !row.when.empty());
        }
        CPPUNIT_ASSERT(!hookPointNamed("nothing"));
        CPPUNIT_ASSERT(rowOf(HookPoint::Delegate).reserved && !rowOf(HookPoint::Claims).reserved);
        CPPUNIT_ASSERT_EQUAL(std::string_view("deadline"), nameOf(FailureKind::Deadline));
    }

    void manyThreadsShareAScript() {
        const std::string text =
            "return { api = 1, name = 't', version = '1', needs = { 'counter' }, hooks = { claims = function(ctx)\n"
            "return add { n = counter.add('x', 1, 60), m = re.match('a' .. ctx.n, 'a([0-9])') } end } }";
        for (const auto state : {StateMode::Fresh, StateMode::Pooled}) {
            const auto script = compile({"t.lua", text, state}, nullptr, {}).script;
            constexpr int kThreads = 4;
            constexpr int kCalls = 200;
            CallOptions options;
            options.budget.wall = base::seconds(10);
            std::vector<std::thread> threads;
            for (int t = 0; t < kThreads; ++t)
                threads.emplace_back([&, t] {
                    for (int i = 0; i < kCalls; ++i)
                        static_cast<void>(script->call(HookPoint::Claims, base::json::Object{{"n", (t + i) % 10}}, options));
                });
            for (auto& thread : threads) thread.join();
            const auto last = script->call(HookPoint::Claims, base::json::Object{{"n", 3}}, options);
            CPPUNIT_ASSERT(last.verdict() != nullptr);
            CPPUNIT_ASSERT_EQUAL(base::json::write(base::json::Object{{"m", "3"}, {"n", kThreads * kCalls + 1}}),
                                 base::json::write(last.verdict()->fields));
        }
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(VerdictTest);

}  // namespace agentidp::policy
