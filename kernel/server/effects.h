#pragma once
/// @file kernel/server/effects.h
/// A decided mutation as what the ledger takes: the same changes as storage operations, in the same order.
#include "audit/ledger.h"
#include "model/mutation.h"

namespace agentidp::server {

[[nodiscard]] audit::Effect effectOf(model::Mutation&& mutation);

}  // namespace agentidp::server
