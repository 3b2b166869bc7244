#pragma once
/// @file plugins/storage-postgresql/copy.h
/// A consistent copy of a schema as a stream, and back: a line that names the form, the applied steps, each table as PostgreSQL's binary
/// COPY in pieces with their lengths, and the SHA-256 of all of it. Tables are named by the steps, so the stream carries no SQL.
#include <agentidp/plugin.hpp>
#include <string>

#include "connection.h"

namespace agentidp::storage_postgresql {

/// Of one snapshot, beside writers. `connection` is thrown away afterwards.
[[nodiscard]] aip::Status copyTo(Connection& connection, const std::string& schema, const aip::StoragePlugin::Receive& out,
                                 const aip::Call& call);

/// Into a store without applied steps, else AIP_E_CONFLICT. In one transaction: all of it, or nothing.
[[nodiscard]] aip::Status copyFrom(Connection& connection, const std::string& schema, const aip::StoragePlugin::Provide& in,
                                   std::int64_t nowUs, const aip::Call& call);

}  // namespace agentidp::storage_postgresql
