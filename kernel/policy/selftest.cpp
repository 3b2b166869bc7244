#include "policy/selftest.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/text.h"
#include "policy/host.h"
#include "policy/host_api.h"

namespace agentidp::policy {
namespace {

constexpr std::string_view kWhole = "whole script, ";
constexpr int kPatience = 50;
/// An instrumented build is that much slower; there it is asked how each script ends, and the clock is left to the others.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSlowness = 20;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr int kSlowness = 20;
#else
constexpr int kSlowness = 1;
#endif
#else
constexpr int kSlowness = 1;
#endif
constexpr std::string_view kEndsBy = "ends by ";

base::microseconds threadTime() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::duration_cast<base::microseconds>(base::seconds(now.tv_sec) + base::nanoseconds(now.tv_nsec));
}

/// "-- whole script, ends by load: what it tries", and the text it speaks of.
struct Head {
    bool whole = false;
    std::string expected;
    std::string tries;
    std::string script;
};

Head headOf(std::string_view text) {
    Head head;
    auto line = text.substr(0, text.find('\n'));
    line.remove_prefix(std::min<std::size_t>(line.size(), 3));
    head.whole = line.starts_with(kWhole);
    if (head.whole) line.remove_prefix(kWhole.size());
    if (line.starts_with(kEndsBy)) line.remove_prefix(kEndsBy.size());
    const auto colon = line.find(": ");
    head.expected = std::string(line.substr(0, colon));
    head.tries = colon == std::string_view::npos ? "" : std::string(line.substr(colon + 2));
    head.script = head.whole ? std::string(text)
                             : "return { api = 1, name = 'corpus', version = '1', hooks = { scope_check = function(ctx)\n" +
                                   std::string(text) + "\nend } }\n";
    return head;
}

std::string endOf(const Head& head, std::string_view name, const CallBudget& budget) {
    const auto made = compile({std::string(name) + ".lua", head.script}, nullptr, budget);
    if (!made.script) return "load";
    CallOptions options;
    options.budget = budget;
    const base::json::Object input{{"name", "agent"}, {"scopes", base::json::Array{"read", "write"}}};
    const auto report = made.script->call(HookPoint::ScopeCheck, input, options);
    return report.verdict() != nullptr ? "none" : std::string(nameOf(report.failure()->kind));
}

bool isOneOf(const std::string& seen, std::string_view expected) {
    constexpr std::string_view kOr = " or ";
    while (true) {
        const auto end = expected.find(kOr);
        if (expected.substr(0, end) == seen) return true;
        if (end == std::string_view::npos) return false;
        expected.remove_prefix(end + kOr.size());
    }
}

}  // namespace

bool SelftestReport::passed() const { return failures() == 0; }

std::size_t SelftestReport::failures() const {
    const auto failed = std::count_if(cases.begin(), cases.end(), [](const SelftestCase& one) { return !one.passed; });
    return static_cast<std::size_t>(failed) + strayNames.size() + (cases.empty() ? 1 : 0);
}

const SelftestCase* SelftestReport::slowest() const {
    const auto found =
        std::max_element(cases.begin(), cases.end(), [](const auto& left, const auto& right) { return left.cpu < right.cpu; });
    return found == cases.end() ? nullptr : &*found;
}

namespace {

SelftestCase judged(const CorpusScript& script, const Head& head, const CallBudget& within, const CallBudget& budget) {
    SelftestCase one{std::string(script.name), head.tries, head.expected, {}, {}, {}, false};
    const auto cpu = threadTime();
    const auto wall = std::chrono::steady_clock::now();
    one.seen = endOf(head, script.name, within);
    one.cpu = threadTime() - cpu;
    one.wall = std::chrono::duration_cast<base::microseconds>(std::chrono::steady_clock::now() - wall);
    one.passed = isOneOf(one.seen, one.expected) && one.cpu <= budget.wall + kSelftestGrace;
    return one;
}

}  // namespace

SelftestReport selftest(const CallBudget& given) {
    SelftestReport report;
    auto budget = given;
    budget.wall *= kSlowness;
    for (const auto& script : corpus()) {
        const auto head = headOf(script.text);
        auto one = judged(script, head, budget, budget);
        if (!one.passed && one.seen == nameOf(FailureKind::Deadline) && one.cpu < budget.wall) {
            // Others had the processor meanwhile: with more time by the clock, and no more of the processor's.
            auto patient = budget;
            patient.wall *= kPatience;
            one = judged(script, head, patient, budget);
        }
        report.cases.push_back(std::move(one));
    }
    const auto environment = sandbox::makeEnvironment("selftest.lua", nullptr, {});
    sandbox::State state(environment);
    CallOptions options;
    options.budget = budget;
    options.budget.wall *= kPatience;
    const auto failure = state.run(options, [&](lua_State* lua) { report.strayNames = sandbox::strayNames(state, lua); });
    if (failure) report.strayNames.push_back("the globals could not be read: " + failure->text);
    return report;
}

}  // namespace agentidp::policy
