/// Compiling a script and calling its hooks: what a script's author sees.
#include "policy/script.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>

namespace agentidp::policy {
namespace {

constexpr std::string_view kGuard = R"(return {
  api = 1, name = "guard", version = "1", needs = { "data.risky" },
  hooks = {
    scope_check = function(ctx)
      local keep = {}
      for _, scope in ipairs(ctx.scopes) do
        local tool = str.after(scope, "tool:")
        if not (tool and data.risky[tool]) then keep[#keep + 1] = scope end
      end
      if #keep == 0 then return deny("no_scope_left", "none is allowed") end
      return narrow { scopes = keep, max_ttl = 300 }
    end,
  },
})";

base::json::Value json(std::string_view text) { return *base::json::parse(text); }

std::shared_ptr<const Documents> documents() {
    auto all = std::make_shared<Documents>();
    all->emplace("risky", json(R"({"shell":true})"));
    return all;
}

Compiled compiled(std::string_view text, StateMode state = StateMode::Fresh) {
    return compile({"t.lua", std::string(text), state}, documents(), {});
}

/// A script whose scope_check is `body`.
std::string checking(std::string_view body) {
    return "return { api = 1, name = 't', version = '1', hooks = { scope_check = function(ctx)\n" + std::string(body) + "\nend } }";
}

CallReport called(std::string_view body, std::string_view input = "{}") {
    const auto made = compiled(checking(body));
    if (!made.script) CPPUNIT_FAIL(made.complaints.front().text);
    return made.script->call(HookPoint::ScopeCheck, json(input), {});
}

std::string failureOf(const CallReport& report) {
    const auto* failure = report.failure();
    return failure == nullptr ? "none" : std::string(nameOf(failure->kind)) + " " + failure->text;
}

}  // namespace

class ScriptTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ScriptTest);
    CPPUNIT_TEST(narrows);
    CPPUNIT_TEST(denies);
    CPPUNIT_TEST(nilIsNoAnswer);
    CPPUNIT_TEST(saysWhatItIs);
    CPPUNIT_TEST(complaintsNameTheLineAndTheMend);
    CPPUNIT_TEST(pooledAndFreshAgree);
    CPPUNIT_TEST(errorsQuoteNothingOfTheRequest);
    CPPUNIT_TEST(coverageAndTraceTellTheLines);
    CPPUNIT_TEST(aBranchIsNoReasonToComplain);
    CPPUNIT_TEST(needsAreAskedFor);
    CPPUNIT_TEST(claimsMayBeOmittedOnError);
    CPPUNIT_TEST(aLargeScriptIsReadWhole);
    CPPUNIT_TEST_SUITE_END();

public:
    void narrows() {
        const auto made = compiled(kGuard);
        CPPUNIT_ASSERT(made.script && made.complaints.empty());
        const auto report = made.script->call(HookPoint::ScopeCheck, json(R"({"scopes":["tool:shell","read","tool:search"]})"), {});
        CPPUNIT_ASSERT_EQUAL(std::string("none"), failureOf(report));
        CPPUNIT_ASSERT(report.verdict()->kind == VerdictKind::Narrow);
        CPPUNIT_ASSERT((*report.verdict()->scopes == std::vector<std::string>{"read", "tool:search"}));
        CPPUNIT_ASSERT(report.verdict()->maxTtl == base::seconds(300));
        CPPUNIT_ASSERT(report.units > 0);
    }

    void denies() {
        const auto report = compiled(kGuard).script->call(HookPoint::ScopeCheck, json(R"({"scopes":["tool:shell"]})"), {});
        CPPUNIT_ASSERT(report.verdict() != nullptr && report.verdict()->kind == VerdictKind::Deny);
        CPPUNIT_ASSERT_EQUAL(std::string("no_scope_left"), report.verdict()->code);
        CPPUNIT_ASSERT_EQUAL(std::string("none is allowed"), report.verdict()->reason);
    }

    void nilIsNoAnswer() {
        CPPUNIT_ASSERT_EQUAL(std::string("bad_result t.lua: scope_check returned nil; it may return allow, deny, narrow"),
                             failureOf(called("")));
    }

    void saysWhatItIs() {
        const auto script = compiled(kGuard).script;
        CPPUNIT_ASSERT_EQUAL(std::string("guard"), script->name());
        CPPUNIT_ASSERT_EQUAL(std::string("1"), script->version());
        CPPUNIT_ASSERT_EQUAL(std::size_t{64}, script->sha256().size());
        CPPUNIT_ASSERT(script->hooks(HookPoint::ScopeCheck) && !script->hooks(HookPoint::Claims));
        CPPUNIT_ASSERT(!script->activeLines().empty());
    }

    void complaintsNameTheLineAndTheMend() {
        const auto first = [](const std::string& text) {
            const auto made = compiled(text);
            CPPUNIT_ASSERT(made.script == nullptr && !made.complaints.empty());
            return std::to_string(made.complaints.front().line) + " " + made.complaints.front().text;
        };
        CPPUNIT_ASSERT_EQUAL(std::string("2 'ctxx' is not declared"), first(checking("return ctxx")));
        CPPUNIT_ASSERT_EQUAL(std::string("2 'os' is not declared"), first(checking("return os.exit()")));
        CPPUNIT_ASSERT_EQUAL(std::string("2 the global 'x' is set"), first(checking("x = 1")));
        CPPUNIT_ASSERT_EQUAL(std::string("2 'string.format' does not exist"), first(checking("return string.format('x')")));
        CPPUNIT_ASSERT_EQUAL(std::string("2 narrow has no member 'scoeps'"), first(checking("return narrow{scoeps={}}")));
        CPPUNIT_ASSERT_EQUAL(std::string("0 `api` is missing"),
                             first("return { name = 't', version = '1', hooks = { claims = function() return add{} end } }"));
        CPPUNIT_ASSERT_EQUAL(std::string("0 there is no hook 'claim'"),
                             first("return { api = 1, name = 't', version = '1', hooks = { claim = function() end } }").substr(0, 26));
        CPPUNIT_ASSERT_EQUAL(std::string("0 the hook 'delegate' is reserved: what it belongs to does not exist yet"),
                             first("return { api = 1, name = 't', version = '1', hooks = { delegate = function() end } }"));
        CPPUNIT_ASSERT_EQUAL(std::string("0 the script is bytecode"), first("\x1bLua"));
        CPPUNIT_ASSERT_EQUAL(std::string("1 "), first("return {").substr(0, 2));
    }

    void pooledAndFreshAgree() {
        const auto pooled = compiled(kGuard, StateMode::Pooled).script;
        const auto fresh = compiled(kGuard).script;
        const auto input = json(R"({"scopes":["read"]})");
        const auto want = *fresh->call(HookPoint::ScopeCheck, input, {}).verdict();
        for (int i = 0; i < 1000; ++i) CPPUNIT_ASSERT(*pooled->call(HookPoint::ScopeCheck, input, {}).verdict() == want);
    }

    void errorsQuoteNothingOfTheRequest() {
        const auto input = R"({"secret":"s3cr3t"})";
        CPPUNIT_ASSERT(failureOf(called("error('no ' .. ctx.secret)", input)).find("s3cr3t") == std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("runtime t.lua:2: plain"), failureOf(called("error('plain')", input)));
        CPPUNIT_ASSERT_EQUAL(std::string("runtime t.lua:2: attempt to index a nil value (field 'agent')"),
                             failureOf(called("return ctx.agent.id", input)));
    }

    void coverageAndTraceTellTheLines() {
        const auto script = compiled(kGuard).script;
        Coverage coverage;
        std::vector<int> traced;
        CallOptions options;
        options.coverage = &coverage;
        options.trace = [&](int line) { traced.push_back(line); };
        static_cast<void>(script->call(HookPoint::ScopeCheck, json(R"({"scopes":["read"]})"), options));
        CPPUNIT_ASSERT(coverage.hits.contains(8) && coverage.hits.contains(11));
        CPPUNIT_ASSERT(!traced.empty() && traced.back() == 11);
        const auto& active = script->activeLines();
        for (const auto& [line, count] : coverage.hits) CPPUNIT_ASSERT(std::find(active.begin(), active.end(), line) != active.end());
        CPPUNIT_ASSERT(std::find(active.begin(), active.end(), 10) != active.end());
    }

    /// The check follows straight code only, and never complains of what it is not sure of.
    void aBranchIsNoReasonToComplain() {
        for (const auto* body :
             {"local f = ctx.a and narrow or deny\nreturn f { scoeps = 1 }",
              "return (ctx.a and shorten or narrow) { max_ttl = ctx.a and 1 or 2, scopes = {} }",
              "local t = { max_ttl = 1 }\nfor i = 1, 2 do t = { other = i } end\nreturn narrow(t)",
              "local e = narrow\nlocal t = {}\nt.x = 1\nt = { max_ttl = 1 }\nreturn e(t)",
              "local allow = allow\nlocal function f() return allow() end\nreturn f()", "local os = { exit = allow }\nreturn os.exit()"}) {
            const auto made = compiled(checking(body));
            CPPUNIT_ASSERT_MESSAGE(body + (made.script ? "" : " " + made.complaints.front().text), made.script != nullptr);
        }
    }

    void needsAreAskedFor() {
        const auto made = compiled(checking("local d = data.risky\nreturn d.shell and allow()"));
        CPPUNIT_ASSERT(made.script == nullptr);
        CPPUNIT_ASSERT((made.complaints == std::vector<Complaint>{{"t.lua", 2, "'data.risky' is used, and `needs` does not name it",
                                                                   "add \"data.risky\" to needs", true}}));
        const auto absent = compiled(
            "return { api = 1, name = 't', version = '1', needs = { 'data.nothing' }, hooks = { claims = function() return add{} end } }");
        CPPUNIT_ASSERT(absent.script == nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string("`needs` names 'data.nothing', and there is no such document"), absent.complaints.front().text);
    }

    void claimsMayBeOmittedOnError() {
        const auto with = [](const std::string& member) {
            return compiled("return { api = 1, name = 't', version = '1', " + member +
                            "hooks = { claims = function() return add{} end } }");
        };
        CPPUNIT_ASSERT(with("claims = { on_error = 'omit' }, ").script->omitsOnError(HookPoint::Claims));
        CPPUNIT_ASSERT(!with("claims = { on_error = 'deny' }, ").script->omitsOnError(HookPoint::Claims));
        CPPUNIT_ASSERT(!with("").script->omitsOnError(HookPoint::Claims));
        CPPUNIT_ASSERT(with("claims = { on_error = 'allow' }, ").script == nullptr);
        CPPUNIT_ASSERT(with("scope_check = { on_error = 'omit' }, ").script == nullptr);
    }

    /// More than 255 constants: Lua then reads globals by way of a register.
    void aLargeScriptIsReadWhole() {
        std::string body = "local n = 0\n";
        for (int i = 0; i < 400; ++i) body += "n = n + string.len('text " + std::to_string(i) + "')\n";
        CPPUNIT_ASSERT(compiled(checking(body + "return allow()")).script != nullptr);
        const auto made = compiled(checking(body + "return alow()"));
        CPPUNIT_ASSERT(made.script == nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string("'alow' is not declared"), made.complaints.front().text);
        CPPUNIT_ASSERT_EQUAL(403, made.complaints.front().line);
        CPPUNIT_ASSERT(made.complaints.front().mend.starts_with("did you mean allow?"));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ScriptTest);

}  // namespace agentidp::policy
