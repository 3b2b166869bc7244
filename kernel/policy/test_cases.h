#pragma once
/// @file kernel/policy/test_cases.h
/// The cases that a bundle brings along: NAME_test.lua, tests/NAME.lua and tests/NAME.json judge NAME.lua. A file of cases is a list of
/// {name=, hook=, input=, expect=}, and where wanted script=, now=, data=, times=. In Lua it is returned, and may be computed in the
/// sandbox that hooks run in; there allow(), deny() and the rest give what `expect` wants. Pure; any thread.
#include <optional>
#include <string>
#include <vector>

#include "policy/bundle.h"

namespace agentidp::policy {

inline constexpr std::size_t kMaxTestCases = 2'000;
/// A hook is asked so often for one case, at most.
inline constexpr std::int64_t kMaxTestTimes = 1'000;
/// The time of a case that names none: a Monday, noon.
inline constexpr std::string_view kTestNow = "2026-01-05T12:00:00Z";

struct TestCase {
    std::string file;  ///< that holds it
    std::string name;
    std::string script;  ///< file of the script it is about: "corp.lua"
    HookPoint hook{};
    base::json::Value input;
    base::json::Value expect;  ///< as resultOf() writes it, with `reason` where that counts; or {"error": kind of failure}
    base::Instant now;
    Documents data;          ///< these instead of the bundle's of the same names
    std::int64_t times = 1;  ///< the hook is asked so often; the last answer is judged
};

struct TestCases {
    std::vector<TestCase> cases;
    std::vector<Complaint> complaints;  ///< fatal: a case that cannot be read tests nothing
};
[[nodiscard]] TestCases readTestCases(const Bundle& bundle);

}  // namespace agentidp::policy
