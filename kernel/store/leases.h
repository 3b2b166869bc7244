#pragma once
/// @file kernel/store/leases.h
/// Named leases: at most one holder at a time among all replicas, by the backend's row, with an end that needs nobody's help.
#include <string>

#include "plugin/storage.h"

namespace agentidp::store {

enum class LeaseOutcome { Held, HeldByAnother };

/// Takes or renews the lease until now + `length`. Any thread; may block.
[[nodiscard]] base::Result<LeaseOutcome> takeLease(plugin::Storage& storage, const base::Clock& clock, const std::string& name,
                                                   const std::string& holder, base::seconds length);

}  // namespace agentidp::store
