#pragma once
/// @file plugins/storage-postgresql/locks.h
/// What puts the transactions of all daemons in order: advisory locks of the transaction, or rows of a table of ours for engines that speak
/// the protocol and have none.
#include <agentidp/plugin.hpp>
#include <string>
#include <string_view>

#include "connection.h"

namespace agentidp::storage_postgresql {

enum class Locks { Advisory, Rows };

/// Sends the statement that waits for the lock `name` of `schema` until this transaction ends, and does not wait for its answer.
[[nodiscard]] aip::Status queueLock(Connection& connection, Locks kind, const std::string& schema, std::string_view name);

/// Makes the table of Locks::Rows where it is missing, and its schema. Outside a transaction; any number of daemons at once.
[[nodiscard]] aip::Status makeLockTable(Connection& connection, const std::string& schema, const aip::Call& call);

/// Waits for the lock that orders migrations, inside a transaction whose lock_timeout is short. False: another has it; with Locks::Rows
/// the transaction is lost then and must be rolled back.
[[nodiscard]] aip::Outcome<bool> tryMigrationLock(Connection& connection, Locks kind, const std::string& schema, const aip::Call& call);

}  // namespace agentidp::storage_postgresql
