#pragma once
/// @file plugins/storage-sqlite/migration.h
/// The record of applied steps (schema_migrations), and applying further ones. The whole definition of each step is kept, so
/// that a store knows its own tables whatever schema the caller has.
#include <agentidp/plugin.hpp>
#include <vector>

#include "connection.h"

namespace agentidp::storage_sqlite {

/// The steps that were applied, in order. AIP_E_UNAVAILABLE (damaged) where a record is not what its checksum says.
[[nodiscard]] aip::Outcome<std::vector<sql::Step>> appliedSteps(Connection& connection);

/// AIP_E_CONFLICT where the store is newer than `wanted`, or a step differs.
[[nodiscard]] aip::Status agrees(const std::vector<sql::Step>& applied, const std::vector<sql::Step>& wanted);

/// Applies what is missing, each step in a transaction of its own. Other processes may try the same at once.
[[nodiscard]] aip::Status applyMissing(Connection& connection, const std::vector<sql::Step>& wanted, std::int64_t nowUs);

[[nodiscard]] aip::Outcome<sql::Catalog> catalogOf(const std::vector<sql::Step>& steps);

}  // namespace agentidp::storage_sqlite
