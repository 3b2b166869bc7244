#pragma once
/// @file plugins/sql/ddl.h
/// A step of the schema as SQL. migrations/<database>/NNN_<name>.sql is `asFile` of it, checked in and tested equal.
#include <string>
#include <vector>

#include "sql/dialect.h"

namespace agentidp::sql {

/// The statements of `step` in order, without semicolons; step 1 begins with the record of applied steps. `before` holds
/// what the earlier steps made.
[[nodiscard]] std::vector<std::string> statementsOf(const Step& step, const Catalog& before, const Dialect& dialect);

/// The same as the text of a file.
[[nodiscard]] std::string asFile(const std::vector<std::string>& statements);

}  // namespace agentidp::sql
