#include "policy/replay.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <iterator>
#include <sstream>

using namespace agentidp;
using namespace agentidp::policy;

namespace {

std::string fixture(const std::string& name) {
    std::ifstream in(std::string(AGENTIDP_SOURCE_DIR) + "/tests/unit/policy_tools/replay/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

ScriptPtr scriptOf(const std::string& body) {
    auto compiled = compile({"new.lua", body, StateMode::Fresh}, nullptr, {});
    for (const auto& complaint : compiled.complaints) CPPUNIT_ASSERT_MESSAGE(complaint.text, !complaint.fatal);
    return compiled.script;
}

std::string guard(const std::string& hook) {
    return "return { api = 1, name = 'guard', version = '1', hooks = {\nscope_check = function(ctx)\n" + hook + "\nend } }";
}

std::string decision(const std::string& input, const std::string& masked) {
    return R"({"id":"1","time":"2026-11-15T00:00:00Z","hook":"scope_check","script":"guard","result":{"kind":"allow"},"reason":"","error":null,"input":)" +
           input + R"(,"masked":)" + masked + "}";
}

/// How a script fares with one decision whose agent.owner is masked.
ReplayReport asked(const std::string& hook) {
    const auto text = guard(hook);
    const auto script = scriptOf(text);
    Replay replay(*script, text, "guard", {});
    replay.line(decision(R"({"scopes":["a"],"agent":{"id":"x","owner":"***"}})", R"(["agent.owner"])"));
    return replay.report();
}

}  // namespace

class ReplayTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReplayTest);
    CPPUNIT_TEST(equalsItsFixture);
    CPPUNIT_TEST(judgesWhatDidNotReadWhatIsMasked);
    CPPUNIT_TEST(judgesNothingThatMayHaveReadIt);
    CPPUNIT_TEST(countsWhatIsNoDecision);
    CPPUNIT_TEST_SUITE_END();

    void equalsItsFixture() {
        const auto text = fixture("new.lua");
        const auto script = scriptOf(text);
        Replay replay(*script, text, script->name(), {});
        std::istringstream log(fixture("decisions.jsonl"));
        for (std::string line; std::getline(log, line);) replay.line(line);
        CPPUNIT_ASSERT_EQUAL(fixture("expected.json"), base::json::writePretty(replay.report().json(*script)) + "\n");
    }

    void judgesWhatDidNotReadWhatIsMasked() {
        for (const auto* hook : {"return allow()", "if ctx.agent.id == 'y' then\nreturn deny(ctx.agent.owner)\nend\nreturn allow()",
                                 "local keep = {}\nfor _, s in ipairs(ctx.scopes) do keep[#keep + 1] = s end\nreturn allow()"}) {
            const auto report = asked(hook);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(hook, std::size_t{1}, report.judged);
            CPPUNIT_ASSERT_MESSAGE(hook, report.changed.empty());
        }
    }

    void judgesNothingThatMayHaveReadIt() {
        for (const auto* hook :
             {"if ctx.agent.owner == 'payments' then\nreturn deny('no')\nend\nreturn allow()",
              "if ctx.agent\n.owner then\nreturn allow()\nend\nreturn deny('no')",
              "for name, value in pairs(ctx.agent) do\nlog(name)\nend\nreturn allow()",
              "local name = 'ow' .. 'ner'\nlog(ctx.agent[name])\nreturn allow()", "log(json.encode(ctx))\nreturn allow()"}) {
            const auto report = asked(hook);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(hook, std::size_t{1}, report.unjudged.size());
            CPPUNIT_ASSERT_EQUAL_MESSAGE(hook, std::size_t{0}, report.judged);
        }
    }

    void countsWhatIsNoDecision() {
        const auto text = guard("return allow()");
        const auto script = scriptOf(text);
        Replay replay(*script, text, "guard", {});
        for (const auto* line : {"", "{", "[]", R"({"hook":"nothing","script":"guard","time":"2026-11-15T00:00:00Z"})"}) replay.line(line);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, replay.report().unreadable);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, replay.report().judged);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReplayTest);
