/// Every row of sandbox.def is needed: with it a probe ends as it should, and without it the same probe ends otherwise.
#include <cppunit/extensions/HelperMacros.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>

#include "policy/compile.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr std::string_view kSecret = "s3cr3t";
constexpr rlim_t kChildSeconds = 2;  ///< of CPU: what runs longer has got away

constexpr std::int64_t kPlenty = std::int64_t{1} << 40U;
constexpr int kLong = 1500;
struct Probe {
    Restriction removed{};
    std::string_view expected;  ///< with the restriction; see endOf
    std::string_view body;      ///< of scope_check, or a whole script
    bool whole = false;
    std::int64_t units = 200'000;
    int wallMs = kLong;  ///< so long that only the probe of the clock meets it
    HookPoint point = HookPoint::ScopeCheck;
    std::string_view needs = "";
    int calls = 1;
    std::size_t memory = 4U << 20U;
};

using R = Restriction;

const std::vector<Probe>& probes() {
    static const std::vector<Probe> all{
        {R::Units, "units", "while true do end"},
        {R::Wall, "deadline", "while true do end", false, kPlenty, 20},
        {R::Memory, "memory", "local t = {}\nfor i = 1, 100000 do t[i] = {} end\nreturn allow()", false, kPlenty, kLong},
        {R::StringSize, "memory", "local s = 'x'\nfor i = 1, 18 do s = s .. s end\nreturn allow()", false, kPlenty, kLong},
        {R::CallDepth, "runtime", "local function d(n) if n == 0 then return 0 end return 1 + d(n - 1) end\nreturn d(1000) and allow()"},
        {R::HostCharges, "units", "local s = string.rep('x', 60000)\nfor i = 1, 200 do str.starts(s, 'y') end\nreturn allow()", false,
         200'000, kLong},
        {R::AllocationCharges, "units", "local s = string.rep('x', 60000)\nfor i = 1, 1000 do local _ = s .. 'y' end\nreturn allow()",
         false, 200'000, kLong, HookPoint::ScopeCheck, "", 1, 1U << 30U},
        {R::FinerHook, "units",
         "local s = string.rep('x', 40000)\nlocal n = 0\nn = n + 1 n = n + 1 n = n + 1 n = n + 1 n = n + 1 n = n + 1\nreturn allow()",
         false, 2800},
        {R::TextOnly, "load", "\x1bLua", true},
        {R::ScriptSize, "load", "--[[ padding ]]\nreturn allow()"},
        {R::UndeclaredGlobals, "load", "return nothing_of_this_name"},
        {R::ApiVersion, "load", "return { api = 2, name = 't', version = '1', hooks = { scope_check = function() return allow() end } }",
         true},
        {R::KnownMembers, "load",
         "return { api = 1, nmae = 1, name = 't', version = '1', hooks = { scope_check = function() return allow() end } }", true},
        {R::KnownPoints, "load",
         "return { api = 1, name = 't', version = '1', hooks = { scope_chek = function() end, scope_check = function() return allow() end "
         "} }",
         true},
        {R::LiteralMembers, "load", "return narrow { max_tll = 60 }"},
        {R::Needs, "load", "return data.teams and allow()"},
        {R::GoldenGlobals, "blocked", "local e = _ENV\ne['pc' .. 'all'](function() end)\nreturn allow()"},
        {R::FrozenLibraries, "blocked", "local m = math\nm.abs = nil\nreturn allow()"},
        {R::FrozenGlobals, "blocked", "local e = _ENV\ne['x' .. 1] = 1\nreturn allow()"},
        {R::FrozenData, "blocked", "data.teams.x = 1\nreturn allow()", false, 200'000, kLong, HookPoint::ScopeCheck, "data.teams"},
        {R::StringMetatable, "runtime", "return ('10' + 1) == 11 and allow()"},
        {R::HiddenAddresses, "none", "return tostring({}) == 'table' and allow() or deny('address')"},
        {R::BoundedRep, "memory", "return string.rep('', 1 << 62) and allow()"},
        {R::BoundedConcat, "runtime", "return table.concat({}, '', 1, 1 << 62) and allow()"},
        {R::BoundedSort, "runtime", "local t = {}\nfor i = 1, 10001 do t[i] = i end\ntable.sort(t)\nreturn allow()", false, kPlenty, kLong},
        {R::BoundedUnpack, "runtime", "return select('#', table.unpack({}, 1, 300)) and allow()"},
        {R::PatternSize, "runtime", "re.match('a', string.rep('a', 5000))\nreturn allow()", false, kPlenty, kLong},
        {R::PatternCount, "runtime", "for i = 1, 300 do re.match('x', 'x' .. i) end\nreturn allow()", false, kPlenty, kLong},
        {R::CounterBound, "runtime", "for i = 1, 10001 do counter.add('c' .. i, 1, 60) end\nreturn allow()", false, kPlenty, kLong,
         HookPoint::ScopeCheck, "counter"},
        {R::LogBound, "none logged=32", "for i = 1, 40 do log('x') end\nreturn allow()"},
        {R::ResultSize, "bad_result", "local t = {}\nfor i = 1, 100 do t[i] = string.rep('x', 1000) end\nreturn narrow({ scopes = t })"},
        {R::ResultDepth, "bad_result", "local t = 'x'\nfor i = 1, 20 do t = { t } end\nreturn add({ a = t })", false, 200'000, 20,
         HookPoint::Claims},
        {R::ResultMembers, "bad_result", "local t = { max_ttl = 1 }\nt['max' .. '_tll'] = 60\nreturn narrow(t)"},
        {R::ResultKind, "bad_result", "return enrich({ a = 1 })"},
        {R::NilIsAnError, "bad_result", "return nil"},
        {R::FreshState, "none",
         "local n = 0\nreturn { api = 1, name = 't', version = '1', hooks = { scope_check = function()\nn = n + 1\nreturn n == 1 and "
         "allow() or "
         "deny('left_behind')\nend } }",
         true, 200'000, kLong, HookPoint::ScopeCheck, "", 3},
        {R::QuietErrors, "runtime", "error('no ' .. ctx.secret)"},
    };
    return all;
}

std::string bytecode() {
    const std::unique_ptr<lua_State, void (*)(lua_State*)> lua(luaL_newstate(), &lua_close);
    luaL_loadstring(lua.get(), "return { api = 1, name = 't', version = '1', hooks = { scope_check = function() return allow() end } }");
    std::string out;
    const auto append = [](lua_State*, const void* bytes, std::size_t size, void* to) {
        static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
        return 0;
    };
    lua_dump(lua.get(), append, &out, 0);
    return out;
}

std::string textOf(const Probe& probe) {
    if (probe.removed == R::TextOnly) return bytecode();
    if (probe.whole) return std::string(probe.body);
    const std::string needs = probe.needs.empty() ? "" : "needs = { '" + std::string(probe.needs) + "' }, ";
    std::string text = "return { api = 1, name = 't', version = '1', " + needs + "hooks = { " + std::string(nameOf(probe.point)) +
                       " = function(ctx)\n" + std::string(probe.body) + "\nend } }";
    if (probe.removed == R::ScriptSize) text += "\n--" + std::string(kMaxScriptBytes, '-');
    return text;
}

/// A word for how the probe's last call ended: a kind of failure, "load", or "none" with what it said.
std::string endOf(const Probe& probe, const Removed& removed) {
    auto documents = std::make_shared<Documents>();
    documents->emplace("teams", base::json::Object{{"a", "b"}});
    CallBudget budget;
    budget.units = probe.units;
    budget.wall = base::milliseconds(probe.wallMs);
    budget.memory = probe.memory;
    const auto made = compileWithout({"t.lua", textOf(probe)}, documents, budget, removed);
    if (!made.script) return "load";
    CallOptions options;
    options.budget = budget;
    CallReport report;
    for (int i = 0; i < probe.calls; ++i) report = made.script->call(probe.point, base::json::Object{{"secret", kSecret}}, options);
    if (const auto* failure = report.failure())
        return std::string(nameOf(failure->kind)) + (failure->text.find(kSecret) != std::string::npos ? " leaks" : "");
    const auto& code = report.verdict()->code;
    const auto logged = report.logged.empty() ? "" : " logged=" + std::to_string(report.logged.size());
    return "none" + (code.empty() ? "" : " " + code) + logged;
}

/// endOf in a child that the system ends when it has used its CPU time.
std::string endInChild(const Probe& probe, const Removed& removed) {
    std::array<int, 2> ends{};
    CPPUNIT_ASSERT_EQUAL(0, pipe(ends.data()));
    const pid_t child = fork();
    if (child == 0) {
        const rlimit limit{kChildSeconds, kChildSeconds};
        setrlimit(RLIMIT_CPU, &limit);
        const auto end = endOf(probe, removed);
        _exit(write(ends[1], end.data(), end.size()) < 0 ? 1 : 0);
    }
    close(ends[1]);
    std::array<char, 256> buffer{};
    const auto size = read(ends[0], buffer.data(), buffer.size());
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return size <= 0 ? "got away" : std::string(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace

class RestrictionsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RestrictionsTest);
    CPPUNIT_TEST(restrictions);
    CPPUNIT_TEST_SUITE_END();

public:
    void restrictions() {
        std::size_t detected = 0;
        std::string missed;
        std::bitset<kRestrictions> probed;
        for (const auto& probe : probes()) {
            const auto id = static_cast<std::size_t>(probe.removed);
            const std::string name(nameOf(probe.removed));
            CPPUNIT_ASSERT_EQUAL(name + ": " + std::string(probe.expected), name + ": " + endInChild(probe, {}));
            const auto end = endInChild(probe, Removed().set(id));
            if (end != probe.expected && !probed.test(id)) ++detected;
            if (end == probe.expected) missed += name + " ";
            probed.set(id);
        }
        std::cout << "removed=" << kRestrictions << " detected=" << detected << std::endl;
        CPPUNIT_ASSERT_EQUAL(std::string(), missed);
        CPPUNIT_ASSERT_EQUAL(kRestrictions, detected);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RestrictionsTest);

}  // namespace agentidp::policy::sandbox
