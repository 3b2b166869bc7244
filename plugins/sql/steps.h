#pragma once
/// @file plugins/sql/steps.h
/// The steps of the schema a store has behind it, against those a caller wants. Pure; any thread.
#include <agentidp/plugin.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sql/schema.h"

namespace agentidp::sql {

/// One row of schema_migrations, whose whole definition is kept, so that a store knows its own tables whatever schema the caller has.
struct AppliedStep {
    std::int64_t number = 0;
    std::string_view checksum;
    std::string_view definition;
};

/// Appends what the row says to `steps`, which hold the earlier ones. False where the row is not what its checksum says, or out of order.
[[nodiscard]] bool appendStep(std::vector<Step>& steps, const AppliedStep& row);

/// AIP_E_CONFLICT where the store is newer than `wanted`, or a step differs.
[[nodiscard]] aip::Status agrees(const std::vector<Step>& applied, const std::vector<Step>& wanted);

/// What `migrate` answers, where the two agree.
[[nodiscard]] aip::MigrationStatus statusOf(const std::vector<Step>& applied, const std::vector<Step>& wanted);

[[nodiscard]] aip::Outcome<Catalog> catalogOf(const std::vector<Step>& steps);

}  // namespace agentidp::sql
