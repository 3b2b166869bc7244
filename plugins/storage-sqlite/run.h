#pragma once
/// @file plugins/storage-sqlite/run.h
/// Operations on a connection: one, or all of an apply with its groups.
#include <agentidp/plugin.hpp>

#include "connection.h"

namespace agentidp::storage_sqlite {

/// The operations of one apply inside a transaction that the caller began. A failure outside any group, or one that no group
/// can hold, is answered; the caller rolls back then.
struct Run {
    Connection& connection;
    const Tables& tables;
    const aip::Host& host;
    enum class Access { ReadOnly, ReadWrite } access;
    aip::ResultWriter& out;

    aip::Status all(const aip::Ops& ops);

private:
    aip::Status one(const aip_op& op);
    aip::Status statement(const aip_op& op);
    aip::Status bind(const aip_op& op, const Connection::Prepared& prepared);
    aip::Status rows(const Connection::Prepared& prepared);
    aip::Status counted(const aip_op& op, const Connection::Prepared& prepared);
    aip::Status undoGroup();
};

}  // namespace agentidp::storage_sqlite
