/// Which members of its argument a hook is found to look at; and that a hook which is given only those answers what it answers with all.
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <random>

#include "policy/sandbox.h"
#include "policy/script_reads.h"

namespace agentidp::policy::sandbox {
namespace {

const base::json::Value kEvent = *base::json::parse(R"({
  "action": "token.issued", "outcome": "success", "n": 3, "empty": {}, "flag": false,
  "agent": {"agentId": "a1", "owner": "payments", "scopes": ["x", "y", "z"], "labels": {"tier": "gold", "team": {"name": "t"}}},
  "request": {"ip": "192.0.2.1", "more": {"again": {"and": {"again": 7}}}}})");

std::string scriptOf(const std::string& body, const std::string& before = "") {
    return "local outside\n" + before + "\nreturn { api = 1, name = 't', version = '1', hooks = { audit_enrich = function(e)\n" + body +
           "\nend } }";
}

Compiled compiled(const std::string& text, bool whole = false) { return compile({"t.lua", text, StateMode::Fresh, whole}, nullptr, {}); }

std::string written(const Reads& reads) {
    if (reads.whole) return "*";
    std::vector<std::string> names;
    for (const auto& [name, below] : reads.members) {
        const auto inner = written(below);
        names.push_back(inner.empty() ? name : name + "(" + inner + ")");
    }
    std::sort(names.begin(), names.end());
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : " ") + name;
    return out;
}

/// What is found of the only hook of a script with this body.
std::string readsOfBody(const std::string& body) {
    const auto text = scriptOf(body);
    const auto made = compiled(text);
    if (!made.script) CPPUNIT_FAIL(made.complaints.front().text);
    const auto environment = makeEnvironment("t.lua", nullptr, {});
    State state(environment);
    std::string dump;
    CallOptions options;
    options.budget.memory = 64U << 20U;
    const auto failure = state.run(options, [&](lua_State* lua) {
        if (luaL_loadbuffer(lua, text.data(), text.size(), "=t.lua") != LUA_OK) return;
        lua_dump(
            lua,
            [](lua_State*, const void* bytes, std::size_t size, void* out) {
                static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
                return 0;
            },
            &dump, 0);
    });
    CPPUNIT_ASSERT(!failure);
    const auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    return written(readsOf(*readChunk(dump), {HookPoint::AuditEnrich, 3, lines + 1}));
}

std::string answerOf(const Compiled& made) {
    const auto report = made.script->call(HookPoint::AuditEnrich, kEvent, {});
    if (const auto* verdict = report.verdict()) return base::json::write(verdict->fields);
    const auto& failure = *report.failure();
    return std::string(nameOf(failure.kind)) + " " + failure.text;
}

/// Programs that look at the argument in every way the language has, by a seed.
class Author {
public:
    explicit Author(unsigned seed) : random_(seed) {}

    std::string program() {
        std::string body = "local out = {}\nlocal v0, v1, v2 = e.agent, e, nil\nlocal function see(x) outside = x return x end\n";
        for (unsigned i = 0, many = 1 + below(5); i < many; ++i) body += statement(2);
        return body + "return enrich { seen = out, last = outside ~= nil }";
    }

private:
    unsigned below(unsigned count) { return random_() % count; }
    template <std::size_t Count>
    std::string one(const char* const (&texts)[Count]) {
        return texts[below(Count)];
    }
    std::string variable() { return one({"e.agent", "e.request", "e", "v0", "v1", "v2"}); }
    std::string name() {
        return one(
            {"agent", "request", "labels", "team", "owner", "scopes", "tier", "more", "again", "and_", "n", "flag", "empty", "nothing"});
    }

    std::string value(int depth) {
        if (depth == 0) return variable();
        switch (below(11)) {
            case 0:
            case 1:
            case 2: return "(" + value(depth - 1) + " or {})." + name();
            case 3: return value(depth - 1) + "." + name();
            case 4: return "(" + value(depth - 1) + " or {})['" + name() + "']";
            case 5: return "(" + value(depth - 1) + " and " + value(depth - 1) + ")";
            case 6: return "(" + value(depth - 1) + " or " + value(depth - 1) + ")";
            case 7: return "see(" + value(depth - 1) + ")";
            case 8: return "({ a = " + value(depth - 1) + " }).a";
            case 9: return "(function() return " + value(depth - 1) + " end)()";
            default: return variable();
        }
    }

    std::string shown(int depth) {
        switch (below(9)) {
            case 0: return "(" + value(depth) + " == nil)";
            case 1: return "(" + value(depth) + " == " + value(depth) + ")";
            case 2: return "(not " + value(depth) + ")";
            case 3: return "type(" + value(depth) + ")";
            case 4: return "json.encode(" + value(depth) + ")";
            case 5: return "#(" + value(depth) + " or {})";
            case 6: return "tostring(" + value(depth) + ")";
            case 7: return "(next(" + value(depth) + " or {}) == nil)";
            default: return "(" + value(depth) + ")";
        }
    }

    std::string statement(int depth) {
        const std::string assigned = one({"v0", "v1", "v2"});
        switch (depth == 0 ? below(3) : below(9)) {
            case 0: return assigned + " = " + value(2) + "\n";
            case 1:
            case 2: return "out[#out + 1] = " + shown(2) + "\n";
            case 3: return "if " + shown(1) + " then\n" + statement(depth - 1) + "else\n" + statement(depth - 1) + "end\n";
            case 4:
                return "for key, item in pairs(" + value(1) + " or {}) do\n" + statement(depth - 1) + assigned + " = (" + assigned +
                       " or {})." + name() + "\nout[#out + 1] = type(item)\nend\n";
            case 5:
                return "do local n = 0\nwhile n < 3 do\nn = n + 1\n" + statement(depth - 1) + assigned + " = (" + assigned + " or {})." +
                       name() + "\nend end\n";
            case 6: return "for i = 1, 3 do\n" + statement(depth - 1) + assigned + " = (" + assigned + " or {})." + name() + "\nend\n";
            case 7: return "do local v0 = " + value(2) + "\n" + statement(depth - 1) + "end\n";
            default: return "local function f() " + statement(depth - 1) + " end\nf()\n";
        }
    }

    std::mt19937 random_;
};

}  // namespace

class ReadsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReadsTest);
    CPPUNIT_TEST(membersByName);
    CPPUNIT_TEST(whatLeavesTheFunctionIsWhole);
    CPPUNIT_TEST(waysThatMeetAddUp);
    CPPUNIT_TEST(anotherFunctionIsGivenAll);
    CPPUNIT_TEST(theSameAnswerAsWithTheWhole);
    CPPUNIT_TEST_SUITE_END();

public:
    void membersByName() {
        CPPUNIT_ASSERT_EQUAL(std::string(""), readsOfBody("return enrich {}"));
        CPPUNIT_ASSERT_EQUAL(std::string("agent"), readsOfBody("if e.agent then return enrich {} end return enrich { a = 1 }"));
        CPPUNIT_ASSERT_EQUAL(std::string("agent(owner)"), readsOfBody("if e.agent.owner == 'x' then return enrich {} end"));
        CPPUNIT_ASSERT_EQUAL(std::string("agent(owner)"),
                             readsOfBody("local a = e.agent\nlocal b = a\nif b.owner < 'x' then return enrich {} end"));
        CPPUNIT_ASSERT_EQUAL(std::string("action agent(owner(*))"),
                             readsOfBody("local a = e.agent\nif e.action == 'x' then return enrich { o = a.owner } end"));
        CPPUNIT_ASSERT_EQUAL(std::string("agent(owner(*))"),
                             readsOfBody("return enrich { team = e.agent and ({ x = 1 })[tostring(e.agent.owner)] or 'none' }"));
    }

    void whatLeavesTheFunctionIsWhole() {
        CPPUNIT_ASSERT_EQUAL(std::string("*"), readsOfBody("local f = function() return e end\nreturn enrich { x = f().action }"));
        CPPUNIT_ASSERT_EQUAL(std::string("*"), readsOfBody("outside = e\nreturn enrich {}"));
        CPPUNIT_ASSERT_EQUAL(std::string("*"), readsOfBody("for k in pairs(e) do return enrich { k = k } end"));
        CPPUNIT_ASSERT_EQUAL(std::string("*"), readsOfBody("local k = tostring(1)\nreturn enrich { k = e[k] }"));
        CPPUNIT_ASSERT_EQUAL(std::string("agent(*)"), readsOfBody("return enrich { a = e.agent }"));
        CPPUNIT_ASSERT_EQUAL(std::string("agent(*)"), readsOfBody("return enrich { a = json.encode(e.agent) }"));
        CPPUNIT_ASSERT_EQUAL(std::string("agent(*)"), readsOfBody("e.agent.owner = 'me'\nreturn enrich {}"));
        CPPUNIT_ASSERT_EQUAL(std::string("agent(scopes(*))"),
                             readsOfBody("return enrich { n = #e.agent.scopes, first = e.agent.scopes[1] }"));
        CPPUNIT_ASSERT_EQUAL(std::string("action(*)"), readsOfBody("return enrich { a = e.action:upper() }"));
        CPPUNIT_ASSERT_EQUAL(std::string("request(*)"), readsOfBody("local t = { 1, e.request }\nreturn enrich { t = t }"));
    }

    void waysThatMeetAddUp() {
        CPPUNIT_ASSERT_EQUAL(std::string("agent(name(*)) request(name(*))"),
                             readsOfBody("local x = e.agent\nif e.agent then x = e.request end\nreturn enrich { n = x.name }"));
        CPPUNIT_ASSERT_EQUAL(std::string("agent(name(*)) request(name(*))"),
                             readsOfBody("return enrich { n = (e.agent or e.request).name }"));
        CPPUNIT_ASSERT_EQUAL(
            std::string("agent(n(*)) request(n(*))"),
            readsOfBody("local x, s = e.agent, nil\nfor i = 1, 2 do s = x.n\nx = e.request\nend\nreturn enrich { s = s }"));
        // A loop that goes down for ever is not followed.
        CPPUNIT_ASSERT_EQUAL(std::string("*"), readsOfBody("local x = e\nwhile x do x = x.next end\nreturn enrich {}"));
    }

    /// The body chooses anew each time it runs: what was found of one function says nothing of another.
    void anotherFunctionIsGivenAll() {
        const auto made = compiled(
            "local function narrow_one(e)\n  return enrich { seen = e.action }\nend\nlocal function wide(e)\n  return enrich { seen = "
            "e.agent.owner }\nend\nlocal hooks = {}\nhooks.audit_enrich = function(e)\n  hooks.audit_enrich = wide\n  return enrich { seen "
            "= "
            "e.action }\nend\nreturn { api = 1, name = 't', version = '1', state = 'pooled', hooks = hooks }");
        CPPUNIT_ASSERT(made.script != nullptr);
        CPPUNIT_ASSERT(made.script->reads(HookPoint::AuditEnrich, "action") && !made.script->reads(HookPoint::AuditEnrich, "agent"));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"seen":"token.issued"})"), answerOf(made));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"seen":"payments"})"), answerOf(made));
    }

    void theSameAnswerAsWithTheWhole() {
        int less = 0, answered = 0;
        for (unsigned seed = 0; seed < 3000; ++seed) {
            const auto text = scriptOf(Author(seed).program());
            const auto part = compiled(text), whole = compiled(text, true);
            if (!part.script || !whole.script) CPPUNIT_FAIL(part.complaints.front().text + "\n" + text);
            const auto said = answerOf(part);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, answerOf(whole), said);
            for (const auto* member : {"agent", "request", "action"}) less += part.script->reads(HookPoint::AuditEnrich, member) ? 0 : 1;
            answered += said.starts_with("{") ? 1 : 0;
        }
        // The comparison would say nothing where everything is copied, or where every program fails.
        CPPUNIT_ASSERT_GREATER(300, less);
        CPPUNIT_ASSERT_GREATER(300, answered);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReadsTest);

}  // namespace agentidp::policy::sandbox
