#include "policy/selftest.h"

#include "cli/hook/verbs.h"

namespace agentidp::cli {
namespace {

namespace json = base::json;

std::int64_t countOf(std::size_t number) { return static_cast<std::int64_t>(number); }

void tell(const policy::SelftestReport& report) {
    for (const auto& one : report.cases)
        if (!one.passed)
            std::cout << "FAILED  " << one.name << " (" << one.tries << "): expected " << one.expected << ", saw " << one.seen << " after "
                      << one.wall.count() << " us\n";
    for (const auto& name : report.strayNames) std::cout << "FAILED  a state offers " << name << ", which no table lists\n";
    std::cout << report.cases.size() << " hostile scripts, " << report.cases.size() - report.failures() << " as expected";
    if (const auto* slowest = report.slowest(); slowest != nullptr)
        std::cout << "; slowest: " << slowest->name << ", " << slowest->cpu.count() << " us of CPU, " << slowest->wall.count()
                  << " us by the clock";
    std::cout << "\n";
}

json::Value selftestJson(const policy::SelftestReport& report) {
    json::Array cases, stray;
    for (const auto& one : report.cases)
        cases.emplace_back(json::Object{{"name", one.name},
                                        {"tries", one.tries},
                                        {"expected", one.expected},
                                        {"seen", one.seen},
                                        {"cpu_us", static_cast<std::int64_t>(one.cpu.count())},
                                        {"wall_us", static_cast<std::int64_t>(one.wall.count())},
                                        {"passed", one.passed}});
    for (const auto& name : report.strayNames) stray.emplace_back(name);
    json::Value slowest;
    if (const auto* one = report.slowest(); one != nullptr) slowest = one->name;
    return json::Object{
        {"ok", report.passed()},         {"scripts", countOf(report.cases.size())}, {"failures", countOf(report.failures())},
        {"slowest", std::move(slowest)}, {"strayNames", std::move(stray)},          {"cases", std::move(cases)}};
}

}  // namespace

int runHookSelftest(const Invocation& invocation) {
    if (!invocation.words.empty()) return refuse("hook selftest takes no word " + invocation.words[0], kMisuse);
    const auto report = policy::selftest({});
    if (invocation.json())
        std::cout << json::writePretty(selftestJson(report)) << "\n";
    else
        tell(report);
    return report.passed() ? kDone : kFailed;
}

}  // namespace agentidp::cli
