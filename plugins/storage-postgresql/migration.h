#pragma once
/// @file plugins/storage-postgresql/migration.h
/// The record of applied steps (schema_migrations) in a schema, and applying further ones.
#include <agentidp/plugin.hpp>
#include <string>
#include <vector>

#include "connection.h"
#include "locks.h"
#include "sql/schema.h"

namespace agentidp::storage_postgresql {

/// The steps that were applied, in order; none where the schema does not exist. AIP_E_UNAVAILABLE where a record is not what its
/// checksum says.
[[nodiscard]] aip::Outcome<std::vector<sql::Step>> appliedSteps(Connection& connection, const std::string& schema, const aip::Call& call);

struct MigratedSchema {
    const std::string& name;
    Locks locks;
};

/// Applies what is missing, each step in a transaction of its own under a lock that all replicas share. A table that others hold is
/// waited for two seconds, not longer: they wait behind us.
[[nodiscard]] aip::Status applyMissing(Connection& connection, const MigratedSchema& schema, const std::vector<sql::Step>& wanted,
                                       std::int64_t nowUs, const aip::Call& call);

/// One step inside a transaction: its statements, and its record.
[[nodiscard]] aip::Status applyStep(Connection& connection, const std::string& schema, const sql::Step& step, const sql::Catalog& before,
                                    std::int64_t nowUs, const aip::Call& call);

}  // namespace agentidp::storage_postgresql
