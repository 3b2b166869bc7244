#pragma once
/// @file kernel/base/failpoint.h
/// Named places where a test may end the process or make an operation fail. Compiled in with AGENTIDP_FAILPOINTS only;
/// otherwise AGENTIDP_FAILPOINT is the constant false and the compiler removes it.
///
/// `AGENTIDP_FAIL=name:n:action`, several separated by commas: at the n-th arrival (from 1) at `name`, `kill` ends the process
/// by SIGKILL, `error` makes the macro true once. Read once, at the first arrival. Any thread.
#include <string_view>

namespace agentidp::base {

#ifdef AGENTIDP_FAILPOINTS
/// True: the caller fails as if its operation had.
[[nodiscard]] bool reachFailpoint(std::string_view name);
/// Whether AGENTIDP_FAIL names anything: where steps are joined for speed, they are taken one by one then.
[[nodiscard]] bool failpointsArmed();
#define AGENTIDP_FAILPOINT(name) ::agentidp::base::reachFailpoint(name)
#else
[[nodiscard]] constexpr bool failpointsArmed() { return false; }
#define AGENTIDP_FAILPOINT(name) false
#endif

}  // namespace agentidp::base
