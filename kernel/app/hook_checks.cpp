#include "app/hook_checks.h"

#if __has_include("policy/selftest.h")
#include "policy/selftest.h"
#endif
#if __has_include("policy/tester.h")
#include "policy/tester.h"
#endif

namespace agentidp::app {

policy::BundleTests hookTests() {
#if __has_include("policy/tester.h")
    return policy::runBundleTests;
#else
    return {};
#endif
}

SelftestOutcome hookSelftest([[maybe_unused]] const policy::CallBudget& budget) {
#if __has_include("policy/selftest.h")
    const auto report = policy::runSelftest(budget);
    return {report.ok(), report.summary()};
#else
    return {true, "not merged"};
#endif
}

}  // namespace agentidp::app
