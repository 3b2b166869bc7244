#pragma once
/// @file kernel/policy/compile.h
/// compile() with restrictions taken away, for the test that proves each. Private to this room and tests/unit/policy.
#include "policy/sandbox.h"

namespace agentidp::policy::sandbox {

[[nodiscard]] Compiled compileWithout(const ScriptSource& source, const std::shared_ptr<const Documents>& documents,
                                      const CallBudget& budget, const Removed& removed);

}  // namespace agentidp::policy::sandbox
