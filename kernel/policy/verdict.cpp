#include "policy/verdict.h"

#include <array>

namespace agentidp::policy {

std::string_view nameOf(FailureKind kind) {
    constexpr std::array<std::string_view, 6> kNames{"units", "deadline", "memory", "runtime", "blocked", "bad_result"};
    return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace agentidp::policy
