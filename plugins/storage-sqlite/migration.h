#pragma once
/// @file plugins/storage-sqlite/migration.h
/// The record of applied steps (schema_migrations), and applying further ones.
#include <agentidp/plugin.hpp>
#include <vector>

#include "connection.h"

namespace agentidp::storage_sqlite {

/// The steps that were applied, in order. AIP_E_UNAVAILABLE (damaged) where a record is not what its checksum says.
[[nodiscard]] aip::Outcome<std::vector<sql::Step>> appliedSteps(Connection& connection);

/// Applies what is missing, each step in a transaction of its own. Other processes may try the same at once.
[[nodiscard]] aip::Status applyMissing(Connection& connection, const std::vector<sql::Step>& wanted, std::int64_t nowUs);

}  // namespace agentidp::storage_sqlite
