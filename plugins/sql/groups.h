#pragma once
/// @file plugins/sql/groups.h
/// The groups of an apply (aip_storage_ops.apply), as far as they are the same for every SQL storage. Pure; any thread.
#include <agentidp/plugin.hpp>

namespace agentidp::sql {

/// Whether there are groups; AIP_E_INVALID where they nest, or do not end in the call that began them.
[[nodiscard]] aip::Outcome<bool> hasGroups(const aip::Ops& ops);

/// False for what ends the whole transaction wherever it happens.
[[nodiscard]] bool concernsOnlyItsGroup(aip_status status);

}  // namespace agentidp::sql
