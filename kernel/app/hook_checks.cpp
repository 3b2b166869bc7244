#include "app/hook_checks.h"

#include "policy/selftest.h"
#include "policy/tester.h"

namespace agentidp::app {

policy::BundleTests hookTests() { return policy::runBundleTests; }

SelftestOutcome hookSelftest(const policy::CallBudget& budget) {
    const auto report = policy::selftest(budget);
    std::string says =
        std::to_string(report.cases.size()) + " hostile scripts, " + std::to_string(report.failures()) + " not stopped as expected";
    if (const auto* slowest = report.slowest(); slowest != nullptr)
        says += "; slowest " + slowest->name + ", " + std::to_string(slowest->cpu.count()) + " us";
    if (!report.strayNames.empty()) says += "; a state offers names that no table lists";
    return {report.passed(), std::move(says)};
}

}  // namespace agentidp::app
