#pragma once
/// @file kernel/app/hook_checks.h
/// What a bundle must pass before it is in force, beyond compiling: its own tests, and the sandbox's selftest.
#include <string>

#include "base/result.h"
#include "policy/bundle.h"

namespace agentidp::app {

[[nodiscard]] policy::BundleTests hookTests();

struct SelftestOutcome {
    bool ok = false;
    std::string says;  ///< one line: how many scripts, the slowest
};
/// Blocks for a second or so, on the caller's thread.
[[nodiscard]] SelftestOutcome hookSelftest(const policy::CallBudget& budget);

}  // namespace agentidp::app
