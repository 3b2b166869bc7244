#include "policy/tester.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace agentidp;
using namespace agentidp::policy;

namespace {

constexpr const char* kGuard = R"(return { api = 1, name = "guard", version = "1", hooks = {
  scope_check = function(ctx)
    if ctx.scopes[1] == "a" then
      return narrow { scopes = { "a" }, max_ttl = 60 }
    end
    return deny("no_a", "there is no a")
  end,
} })";

/// Every second answer of one state differs.
constexpr const char* kForgetful = R"(local seen = 0
return { api = 1, name = "guard", version = "1", state = "pooled", hooks = {
  scope_check = function(ctx)
    seen = seen + 1
    if seen % 2 == 0 then return deny("again") end
    return allow()
  end,
} })";

struct Bed {
    Bundle bundle;
    std::vector<ScriptPtr> scripts;

    Bed(const std::string& script, std::vector<BundleFile> more) {
        more.push_back({"guard.lua", script, {}});
        auto reading = bundleOf(std::move(more), {});
        for (const auto& complaint : reading.complaints) CPPUNIT_ASSERT_MESSAGE(complaint.text, !complaint.fatal);
        bundle = std::move(reading.bundle);
        auto compiled = compile({"guard.lua", script, StateMode::Fresh}, nullptr, {});
        for (const auto& complaint : compiled.complaints) CPPUNIT_ASSERT_MESSAGE(complaint.text, !complaint.fatal);
        scripts = {compiled.script};
    }
    [[nodiscard]] TestReport run() const { return runTests(bundle, scripts, {}); }
};

BundleFile lua(const std::string& cases) { return {"guard_test.lua", "return {" + cases + "}", {}}; }
BundleFile inJson(const std::string& cases) { return {"tests/guard.json", "[" + cases + "]", {}}; }

}  // namespace

class TesterTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TesterTest);
    CPPUNIT_TEST(judgesLuaAndJsonCasesAlike);
    CPPUNIT_TEST(coversByLine);
    CPPUNIT_TEST(saysWhatDiffers);
    CPPUNIT_TEST(failsAPooledScriptThatRemembers);
    CPPUNIT_TEST(refusesCasesThatCannotBeRead);
    CPPUNIT_TEST(holdsTestFilesInTheSandbox);
    CPPUNIT_TEST(givesEachCaseItsOwnCountersAndData);
    CPPUNIT_TEST(tellsALoadOfEachFailure);
    CPPUNIT_TEST_SUITE_END();

    void judgesLuaAndJsonCasesAlike() {
        const Bed bed(
            kGuard,
            {lua(R"({ name = "a", hook = "scope_check", input = { scopes = { "a" } }, expect = narrow { max_ttl = 60, scopes = { "a" } } },
                    { name = "b", hook = "scope_check", input = { scopes = {} }, expect = deny("no_a", "there is no a") },
                    { name = "c", hook = "scope_check", input = { scopes = {} }, expect = deny("no_a") },
                    { name = "d", hook = "scope_check", input = {}, expect = { error = "runtime" } })"),
             inJson(
                 R"({"name": "a", "hook": "scope_check", "input": {"scopes": ["a"]}, "expect": {"kind": "narrow", "scopes": ["a"], "max_ttl": 60}},
                       {"name": "b", "hook": "scope_check", "input": {"scopes": []}, "expect": {"kind": "deny", "code": "no_a"}})")});
        const auto report = bed.run();
        CPPUNIT_ASSERT_EQUAL(std::size_t{6}, report.cases.size());
        for (const auto& one : report.cases) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(one.name, std::string(), one.why);
            CPPUNIT_ASSERT(one.units > 0);
        }
        CPPUNIT_ASSERT(report.complaints.empty());
    }

    void coversByLine() {
        const Bed half(
            kGuard,
            {lua(
                R"({ name = "a", hook = "scope_check", input = { scopes = { "a" } }, expect = narrow { max_ttl = 60, scopes = { "a" } } })")});
        const auto coverage = half.run().coverage;
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, coverage.size());
        CPPUNIT_ASSERT(coverage[0].missed == std::vector<int>{6});
        CPPUNIT_ASSERT(coverage[0].percent() < 100 && coverage[0].percent() > 50);
    }

    void saysWhatDiffers() {
        const Bed bed(kGuard, {lua(R"({ name = "a", hook = "scope_check", input = { scopes = {} }, expect = allow() },
                                      { name = "b", hook = "claims", input = {}, expect = add {} },
                                      { name = "c", hook = "scope_check", input = { scopes = {} }, expect = deny("no_a", "other") })")});
        const auto report = bed.run();
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, report.failed());
        CPPUNIT_ASSERT_EQUAL(std::string(R"(expected {"kind":"allow"}, got {"code":"no_a","kind":"deny"})"), report.cases[0].why);
        CPPUNIT_ASSERT_EQUAL(std::string("guard.lua does not hook claims"), report.cases[1].why);
        CPPUNIT_ASSERT(report.cases[2].why.find("there is no a") != std::string::npos);
    }

    void failsAPooledScriptThatRemembers() {
        const Bed bed(kForgetful, {lua(R"({ name = "a", hook = "scope_check", input = {}, expect = allow() })")});
        const auto report = bed.run();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, report.failed());
        CPPUNIT_ASSERT(report.cases[0].why.starts_with("pooled, in a state that was used before: "));
    }

    void refusesCasesThatCannotBeRead() {
        for (const auto* cases :
             {"{}", "1", R"({ hook = "scope_chek", input = {}, expect = allow() })", R"({ hook = "scope_check", expect = allow() })",
              R"({ hook = "scope_check", input = {} })", R"({ hook = "scope_check", input = {}, expect = {} })",
              R"({ hook = "scope_check", input = { 1, 2 }, expect = allow() })",
              R"({ hook = "scope_check", input = {}, expect = allow(), script = "other.lua" })",
              R"({ hook = "scope_check", input = {}, expect = allow(), now = "noon" })",
              R"({ hook = "scope_check", input = {}, expect = allow(), times = 0 })",
              R"({ hook = "scope_check", input = {}, expect = allow(), inputs = 0 })"}) {
            const auto report = Bed(kGuard, {lua(cases)}).run();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(cases, std::size_t{1}, report.complaints.size());
            CPPUNIT_ASSERT_MESSAGE(cases, report.complaints[0].fatal && !report.complaints[0].mend.empty());
            CPPUNIT_ASSERT_MESSAGE(cases, report.cases.empty());
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, Bed(kGuard, {{"tests/guard.json", "[{]", {}}}).run().complaints.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, Bed(kGuard, {{"tests/guard.json", "[]", {}}}).run().complaints.size());
    }

    void holdsTestFilesInTheSandbox() {
        const auto run = [](const std::string& text) { return Bed(kGuard, {{"guard_test.lua", text, {}}}).run().complaints; };
        auto complaints = run("local x = 1\nreturn { os.time() }");
        CPPUNIT_ASSERT(!complaints.empty() && complaints[0].line == 2);
        CPPUNIT_ASSERT_EQUAL(std::string("guard_test.lua"), complaints[0].file);
        complaints = run("while true do end");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, complaints.size());
        CPPUNIT_ASSERT(!run("return {").empty());
    }

    void givesEachCaseItsOwnCountersAndData() {
        const std::string script = R"(return { api = 1, name = "guard", version = "1", needs = { "counter", "data.teams" }, hooks = {
            claims = function() return add { n = counter.add("x", 1, 60), team = data.teams.a } end } })";
        auto reading = bundleOf({{"data/teams.json", R"({"a": "one"})", {}},
                                 {"guard.lua", script, {}},
                                 lua(R"({ hook = "claims", input = {}, expect = add { n = 1, team = "one" } },
                                        { hook = "claims", input = {}, times = 3, expect = add { n = 3, team = "one" } },
                                        { hook = "claims", input = {}, data = { teams = { a = "two" } }, expect = add { n = 1, team = "two" } })")},
                                {});
        std::vector<Complaint> none;
        const auto documents = std::make_shared<const Documents>(documentsOf(reading.bundle, none));
        for (const auto state : {StateMode::Fresh, StateMode::Pooled}) {
            const auto report = runTests(reading.bundle, {compile({"guard.lua", script, state}, documents, {}).script}, {});
            CPPUNIT_ASSERT_EQUAL(std::size_t{3}, report.cases.size());
            for (const auto& one : report.cases) CPPUNIT_ASSERT_EQUAL(std::string(), one.why);
        }
    }

    void tellsALoadOfEachFailure() {
        const Bed bed(kGuard, {lua(R"({ name = "a", hook = "scope_check", input = { scopes = {} }, expect = allow() },
                                      { name = "b", hook = "scope_check", input = { scopes = {} }, expect = deny("no_a") })")});
        const auto complaints = runBundleTests(bed.bundle, bed.scripts, {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, complaints.size());
        CPPUNIT_ASSERT(complaints[0].fatal);
        CPPUNIT_ASSERT_EQUAL(std::string("guard_test.lua"), complaints[0].file);
        CPPUNIT_ASSERT(complaints[0].text.starts_with("the case 'a' fails: expected "));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TesterTest);
