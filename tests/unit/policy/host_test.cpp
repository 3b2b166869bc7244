/// What scripts are given: each module by what its functions answer.
#include <cppunit/extensions/HelperMacros.h>

#include <set>

#include "policy/host_api.h"
#include "policy/script.h"

namespace agentidp::policy {
namespace {

base::json::Value json(std::string_view text) { return *base::json::parse(text); }

std::shared_ptr<const Documents> documents() {
    auto all = std::make_shared<Documents>();
    all->emplace("teams", json(R"({"red":{"lead":"ann","size":3},"list":[10,20,30],"none":null})"));
    base::json::Object many;
    for (int i = 0; i < 1000; ++i) many.emplace_back("m" + std::to_string(i), i);
    all->emplace("many", std::move(many));
    return all;
}

CallReport called(std::string_view expression, std::string_view input = "{}") {
    const std::string text =
        "return { api = 1, name = 't', version = '1', needs = { 'data.teams', 'data.many', 'counter' }, hooks = { claims = "
        "function(ctx)\n" +
        std::string(expression) + "\nend } }";
    const auto made = compile({"t.lua", text}, documents(), {});
    if (!made.script) CPPUNIT_FAIL(made.complaints.front().text + " in " + std::string(expression));
    CallOptions options;
    options.now = base::Instant(base::seconds(1'780'315'321));  // Monday, 2026-06-01T12:02:01Z
    return made.script->call(HookPoint::Claims, json(input), options);
}

/// The value of an expression as JSON, or why there is none.
std::string valueOf(std::string_view expression, std::string_view input = "{}") {
    const auto report = called("return add { v = " + std::string(expression) + " }", input);
    if (const auto* failure = report.failure()) return std::string(nameOf(failure->kind)) + " " + failure->text;
    const auto& fields = report.verdict()->fields;
    return fields.empty() ? "nil" : base::json::write(fields.front().second);
}

void same(std::string_view want, std::string_view expression) { CPPUNIT_ASSERT_EQUAL(std::string(want), valueOf(expression)); }

}  // namespace

class HostTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HostTest);
    CPPUNIT_TEST(text);
    CPPUNIT_TEST(patterns);
    CPPUNIT_TEST(lists);
    CPPUNIT_TEST(numbers);
    CPPUNIT_TEST(time);
    CPPUNIT_TEST(networks);
    CPPUNIT_TEST(documentsAreReadInPlace);
    CPPUNIT_TEST(pairsGoesInOrder);
    CPPUNIT_TEST(countersCountWithinTheirWindow);
    CPPUNIT_TEST(logsAreBounded);
    CPPUNIT_TEST(everyNameIsKnownOnPurpose);
    CPPUNIT_TEST_SUITE_END();

public:
    void text() {
        same("true", "str.starts('abc', 'ab')");
        same("false", "str.ends('abc', 'ab')");
        same("\"shell\"", "str.after('tool:shell', 'tool:')");
        same("nil", "str.after('read', 'tool:')");
        same("[\"a\",\"\",\"b\"]", "str.split('a,,b', ',')");
        same("\"a b\"", "str.trim('  a b\\n')");
        same("true", "str.glob('tool:shell', 'tool:*')");
        same("true", "str.glob('abcabd', '*ab?')");
        same("false", "str.glob('abc', 'ab')");
        same("\"bc\"", "string.sub('abcd', 2, 3)");
        same("\"cd\"", "('abcd'):sub(-2)");
        same("\"\"", "string.sub('abc', 3, 2)");
        same("2", "string.find('a.b', '.')");
        same("nil", "string.find('abc', 'x')");
        same("4", "string.find('abcabc', 'a', 2)");
        same("98", "string.byte('abc', 2)");
        same("\"AB1\"", "string.upper('ab1')");
        same("\"a-a-a\"", "string.rep('a', 3, '-')");
        same("\"\"", "string.rep('a', -1)");
        same("2", "utf8.len('\u00e9\u20ac')");
        same("\"\u20ac\"", "utf8.char(0x20AC)");
        same("\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"", "hash.sha256('abc')");
        same("\"{\\\"a\\\":[1,true,\\\"x\\\"],\\\"b\\\":0.5}\"", "json.encode({ b = 0.5, a = { 1, true, 'x' } })");
    }

    void patterns() {
        same("\"12\"", "re.match('agent-12', '([0-9]+)$')");
        same("\"agent\"", "re.match('agent-12', '^[a-z]+')");
        same("nil", "re.match('agent', '[0-9]')");
        CPPUNIT_ASSERT(valueOf("re.match('a', '(')").starts_with("runtime t.lua:2: re.match: the pattern is wrong"));
    }

    void lists() {
        same("[\"a\",\"b\",\"c\"]", "set.union({ 'a', 'b' }, { 'b', 'c' })");
        same("[\"b\"]", "set.intersect({ 'a', 'b' }, { 'b', 'c' })");
        same("[\"a\"]", "set.minus({ 'a', 'b' }, { 'b', 'c' })");
        same("true", "set.subset({ 'b' }, { 'b', 'c' })");
        same("true", "set.has({ 'a', 'b' }, 'b')");
        same("true", "set.of({ 'a' }).a");
        same("[1,2,3,5,8]", "(function() local t = { 5, 3, 8, 1, 2 } table.sort(t) return t end)()");
        same("[8,5,3,2,1]", "(function() local t = { 5, 3, 8, 1, 2 } table.sort(t, function(a, b) return a > b end) return t end)()");
        same("[0,1,2]", "(function() local t = { 1, 2 } table.insert(t, 1, 0) return t end)()");
        same("[2]", "(function() local t = { 1, 2 } table.remove(t, 1) return t end)()");
        same("\"1-2\"", "table.concat({ 1, 2 }, '-')");
        same("2", "select('#', table.unpack({ 1, 2 }))");
        same("\"b\"", "select(-1, 'a', 'b')");
    }

    void numbers() {
        same("3", "math.floor(3.7)");
        same("-1", "math.tointeger(-1.0)");
        same("7", "math.max(3, 7, 5)");
        same("3", "math.min(3, 7, 5)");
        same("\"integer\"", "math.type(1)");
        same("255", "tonumber('ff', 16)");
        same("nil", "tonumber('x')");
        same("\"1\"", "tostring(1)");
        same("\"table\"", "tostring({})");
        same("\"function\"", "type(allow)");
        same("\"verdict\"", "type(allow())");
    }

    void time() {
        same("1780315321", "time.now()");
        same("\"2026-06-01T12:02:01Z\"", "time.iso()");
        same("1", "time.weekday()");
        same("14", "time.hour(120)");
        same("7", "time.weekday(-13 * 60)");
        same("{\"day\":1,\"hour\":12,\"minute\":2,\"month\":6,\"second\":1,\"weekday\":1,\"year\":2026}", "time.parts()");
    }

    void networks() {
        same("true", "net.in_cidrs('10.1.2.3', { '192.0.2.0/24', '10.0.0.0/8' })");
        same("false", "net.in_cidrs('11.1.2.3', { '10.0.0.0/8' })");
        same("true", "net.in_cidrs('2001:db8::1', { '2001:db8::/32' })");
        same("true", "net.in_cidrs('::ffff:10.0.0.1', { '10.0.0.0/8' })");
        same("false", "net.in_cidrs('no address', { '10.0.0.0/8' })");
        CPPUNIT_ASSERT(valueOf("net.in_cidrs('10.0.0.1', { '10.0.0.0/33' })").starts_with("runtime"));
    }

    void documentsAreReadInPlace() {
        same("\"ann\"", "data.teams.red.lead");
        same("20", "data.teams.list[2]");
        same("3", "#data.teams.list");
        same("nil", "data.teams.none");
        same("nil", "data.teams.nobody");
        same("999", "data.many.m999");
        same("\"table\"", "type(data.teams)");
        same("{\"lead\":\"ann\",\"size\":3}", "data.teams.red");
        same("60", "(function() local n = 0 for _, v in ipairs(data.teams.list) do n = n + v end return n end)()");
        same("\"list red \"", "(function() local s = '' for k in pairs(data.teams) do s = s .. k .. ' ' end return s end)()");
        CPPUNIT_ASSERT(called("local l = data.many.m1 return add{ v = l }").units < 1000);
    }

    void pairsGoesInOrder() {
        same("\"1 2 a b c \"",
             "(function() local s = '' for k in pairs({ c = 1, a = 1, b = 1, 7, 8 }) do s = s .. k .. ' ' end return s end)()");
        same("\"a c \"",
             "(function() local t, s = { a = 1, b = 1, c = 1 }, '' for k in pairs(t) do t.b = nil s = s .. k .. ' ' end return s end)()");
    }

    void countersCountWithinTheirWindow() {
        const auto made = compile({"t.lua",
                                   "return { api = 1, name = 't', version = '1', needs = { 'counter' }, hooks = { claims = function(ctx)\n"
                                   "return add { n = counter.add('x', 2, 60) } end } }"},
                                  nullptr, {});
        const auto at = [&](int seconds) {
            CallOptions options;
            options.now = base::Instant(base::seconds(6000 + seconds));
            return *made.script->call(HookPoint::Claims, base::json::Object{}, options).verdict()->fields.front().second.asInt();
        };
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, at(0));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{4}, at(59));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, at(60));
    }

    void logsAreBounded() {
        const auto report = called("for i = 1, 100 do log(string.rep('\u00e9', 400)) end return add{}");
        CPPUNIT_ASSERT_EQUAL(std::size_t{32}, report.logged.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{512}, report.logged.front().size());
    }

    /// Whoever adds a name to host_api.def adds it here too, having thought about what a hostile script makes of it.
    void everyNameIsKnownOnPurpose() {
        const std::set<std::string> want{
            "assert",         "error",        "ipairs",       "next",       "pairs",          "select",          "tonumber",
            "tostring",       "type",         "log",          "allow",      "deny",           "narrow",          "add",
            "shorten",        "annotate",     "enrich",       "rate",       "omit",           "deliver",         "drop",
            "finding",        "math.abs",     "math.ceil",    "math.floor", "math.fmod",      "math.max",        "math.min",
            "math.modf",      "math.sqrt",    "math.exp",     "math.log",   "math.sin",       "math.cos",        "math.tan",
            "math.tointeger", "math.type",    "math.ult",     "math.pi",    "math.huge",      "math.maxinteger", "math.mininteger",
            "table.insert",   "table.remove", "table.concat", "table.sort", "table.unpack",   "string.byte",     "string.char",
            "string.len",     "string.lower", "string.upper", "string.sub", "string.reverse", "string.rep",      "string.find",
            "utf8.len",       "utf8.char",    "str.starts",   "str.ends",   "str.after",      "str.split",       "str.trim",
            "str.glob",       "re.match",     "set.of",       "set.has",    "set.union",      "set.intersect",   "set.minus",
            "set.subset",     "net.in_cidrs", "time.now",     "time.iso",   "time.parts",     "time.weekday",    "time.hour",
            "hash.sha256",    "json.encode",  "counter.add",  "counter.get"};
        std::set<std::string> have;
        for (const auto& name : allHostNames())
            have.insert(std::string(name.module) + (name.module.empty() ? "" : ".") + std::string(name.name));
        CPPUNIT_ASSERT(want == have);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(HostTest);

}  // namespace agentidp::policy
