#pragma once
/// @file kernel/policy/tester.h
/// Runs the cases of a bundle against its scripts: `agentidp hook test`, and every load. Blocks for the scripts' work; any thread.
#include <string>
#include <vector>

#include "policy/test_cases.h"

namespace agentidp::policy {

/// A case may take so much more time by the clock than a call: units decide, not how busy the machine is.
inline constexpr int kTestWallFactor = 25;

struct CaseResult {
    std::string file, name, script;
    HookPoint hook{};
    std::string why;         ///< it failed; empty: it passed
    std::int64_t units = 0;  ///< of the answer that was judged
    [[nodiscard]] bool passed() const { return why.empty(); }
};

/// Of one script, by all cases together. Lines that its body runs count too.
struct ScriptCoverage {
    std::string script;
    std::size_t lines = 0;    ///< that have code
    std::vector<int> missed;  ///< in their order
    /// Rounded down: 100 means every line.
    [[nodiscard]] int percent() const { return lines == 0 ? 100 : static_cast<int>((lines - missed.size()) * 100 / lines); }
};

struct TestReport {
    std::vector<CaseResult> cases;
    std::vector<ScriptCoverage> coverage;  ///< one a script, in the order given
    std::vector<Complaint> complaints;     ///< about files of cases
    [[nodiscard]] std::size_t failed() const;
};

/// Each case gets a script compiled anew, so that no counter of another case is in it. A pooled script is asked once before, as if a year
/// earlier, and answers the case in that used state: a result that then differs fails.
[[nodiscard]] TestReport runTests(const Bundle& bundle, const std::vector<ScriptPtr>& scripts, const CallBudget& budget);

/// For a load: a fatal complaint for each case that failed or cannot be read.
[[nodiscard]] std::vector<Complaint> runBundleTests(const Bundle& bundle, const std::vector<ScriptPtr>& scripts, const CallBudget& budget);

/// Why the outcome is not what a case expects; empty where it is. Members count in any order, an empty table is an empty list, a deny's
/// reason counts only where it is expected.
[[nodiscard]] std::string differs(const base::json::Value& expect, const CallReport& report);
/// {"kind": ..., "reason": ...} of a verdict, {"error": kind} of a failure.
[[nodiscard]] base::json::Value outcomeOf(const CallReport& report);
/// One text for values that a script cannot tell apart: members by name, an empty object as an empty list.
[[nodiscard]] std::string comparable(const base::json::Value& value);

}  // namespace agentidp::policy
