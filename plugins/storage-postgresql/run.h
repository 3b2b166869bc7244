#pragma once
/// @file plugins/storage-postgresql/run.h
/// The operations of one apply as statements on a connection: all of them in one round trip where nothing fails.
///
/// What the server must decide by itself, so that no answer needs to be looked at between two statements: an expected number of rows is
/// part of the statement and raises an error where it is not met. Inserts of one shape that follow each other are one statement over
/// arrays, and so are updates that each name their row by its values. Groups cost nothing until one fails: then the call is run again,
/// group by group, from a savepoint at its beginning.
#include <agentidp/plugin.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "connection.h"
#include "locks.h"
#include "sql/plan.h"
#include "sql/postgres_dialect.h"

namespace agentidp::storage_postgresql {

/// Tables as they are at some moment, and the statements of the shapes that were met. Any thread.
class Statements {
public:
    /// `steps`: how many of the schema `catalog` adds up to.
    Statements(sql::Catalog catalog, std::size_t steps, std::string schema, Locks locks)
        : catalog_(std::move(catalog)), steps_(steps), schema_(std::move(schema)), locks_(locks), dialect_(schema_) {}

    struct Statement {
        sql::Plan plan;
        std::vector<std::uint32_t> types;  ///< AIP_V_* of the arrays' columns: those that are set, then those that name the row
        /// Of arrays, for operations of this shape that follow each other; empty where each needs a statement of its own.
        std::string many;
        /// Prepared under this number, and `many` and `plan.before` under the two behind it; 0: planned for its values each time.
        std::uint64_t id = 0;
    };
    /// The statement of the shape of `op`, which passed sql::checkBounds.
    [[nodiscard]] aip::Outcome<std::shared_ptr<const Statement>> of(const aip_op& op);
    [[nodiscard]] const std::string& schema() const { return schema_; }
    [[nodiscard]] std::size_t steps() const { return steps_; }
    [[nodiscard]] Locks locks() const { return locks_; }

private:
    [[nodiscard]] std::string manyInserts(const aip_op& op) const;
    [[nodiscard]] std::string manyUpdates(const aip_op& op) const;

    const sql::Catalog catalog_;
    const std::size_t steps_;
    const std::string schema_;
    const Locks locks_;
    const sql::PostgresDialect dialect_;
    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const Statement>> known_;
};

class Run {
public:
    enum class Access { ReadOnly, ReadWrite };
    Run(Connection& connection, Statements& statements, Access access, aip::ResultWriter& out, const aip::Call& call)
        : connection_(connection), statements_(statements), access_(access), out_(out), call_(call) {}

    /// Runs `ops`: `before` stands in front of them in the same round trip, `after` behind. A failure outside any group, or one that no
    /// group can hold, is answered; the transaction is to be rolled back then.
    aip::Status all(const aip::Ops& ops, const std::vector<std::string>& before, const std::vector<std::string>& after);

    /// Reads without groups, in a session of ours (Connection::readSnapshots): nothing stands in front of them or behind. The server ends
    /// each soon after `boundMs`.
    aip::Status snapshot(const aip::Ops& ops, std::int64_t boundMs);

private:
    /// An operation, or several of one shape, and how many answers its statements bring.
    struct Sent {
        std::size_t first = 0, count = 1;
        bool numbered = false;          ///< the answer has a row for each row that was changed: which of the operations changed it
        std::size_t answersBefore = 0;  ///< answers that say nothing, in front of the one that does
        bool silent = false;            ///< a mark of a group: no statement
        std::shared_ptr<const Statements::Statement> statement;
    };
    aip::Status atOnce(const aip::Ops& ops, const std::vector<std::string>& before, const std::vector<std::string>& after, bool groups);
    /// What is queued already brings so many answers that say nothing.
    aip::Status behind(std::size_t answersFirst, const aip::Ops& ops, const std::vector<std::string>& after);
    aip::Status groupByGroup(const aip::Ops& ops, const std::vector<std::string>& after);
    /// Queues the operation at `at` and those that follow it in the same statement.
    aip::Outcome<Sent> send(const aip::Ops& ops, std::size_t at, bool together);
    aip::Outcome<Sent> sendStatement(const aip::Ops& ops, std::size_t at, bool together);
    /// How many operations from `at` on `statement` can do at once.
    [[nodiscard]] std::size_t alike(const aip::Ops& ops, std::size_t at, const Statements::Statement& statement);
    aip::Status sendMany(const aip::Ops& ops, Sent& sent);
    aip::Status queue(std::uint64_t id, const std::string& sql, Parameters& parameters, std::size_t& answersBefore);
    aip::Status bind(const aip_op& op, const sql::Plan& plan, Parameters& into);
    /// Reads the answers of what was sent and writes its records.
    aip::Status receive(const aip::Ops& ops, const Sent& sent);
    aip::Status alone(const aip::Ops& ops, std::size_t at);
    aip::Status command(const std::string& sql);

    Connection& connection_;
    Statements& statements_;
    const Access access_;
    aip::ResultWriter& out_;
    const aip::Call& call_;
};

}  // namespace agentidp::storage_postgresql
