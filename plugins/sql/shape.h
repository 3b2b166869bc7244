#pragma once
/// @file plugins/sql/shape.h
/// The shape of an operation: everything of it but the values. Operations of one shape share one statement, so a storage
/// looks its prepared statement up by the shape and builds no SQL for it again.
#include <agentidp/cpp/storage_values.hpp>
#include <string>

namespace agentidp::sql {

/// What an operation may hold, whatever the schema says: the bounds of aip_op, comparisons with as many values as they take,
/// well-formed strings. Nothing else of this folder is called with an operation that fails here.
[[nodiscard]] aip::Status checkBounds(const aip_op& op);

/// Replaces `out` with the key of the shape: equal keys, equal SQL. The number of values of AIP_IN is rounded up to a power
/// of two (paddedCount), so that lists of all lengths need eleven statements.
void shapeOf(const aip_op& op, std::string& out);

[[nodiscard]] std::size_t paddedCount(std::size_t values);

}  // namespace agentidp::sql
