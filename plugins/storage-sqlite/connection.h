#pragma once
/// @file plugins/storage-sqlite/connection.h
/// One SQLite connection: a Poco::Data session that is opened by Poco and worked through its native handle (a reused
/// Poco::Data::Statement answers "still executing" for ever after one SQL error), its prepared statements by shape, and the
/// bounds of the call that uses it. One thread at a time.
#include <agentidp/plugin.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "sql/plan.h"

struct sqlite3;
struct sqlite3_stmt;

namespace agentidp::storage_sqlite {

struct StatementEnd {
    void operator()(sqlite3_stmt* statement) const;
};
using Statement = std::unique_ptr<sqlite3_stmt, StatementEnd>;

/// Tables as they are at some moment; `generation` grows with each migration.
struct Tables {
    sql::Catalog catalog;
    std::uint64_t generation = 0;
};

class Connection {
public:
    struct Tuning {
        std::int64_t cacheMiB = 2;
        std::int64_t mapMiB = 0;
    };
    /// The file exists. Nothing is written to it here.
    [[nodiscard]] static aip::Outcome<std::unique_ptr<Connection>> open(const std::string& path, const Tuning& tuning,
                                                                        const aip::Call& call);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// While it lives, statements of this connection end at the deadline or the cancellation of `call`, and so does waiting
    /// for another process. They nest.
    class Bounded {
    public:
        Bounded(Connection& connection, const aip::Call& call);
        ~Bounded();
        Bounded(const Bounded&) = delete;
        Bounded& operator=(const Bounded&) = delete;

    private:
        Connection& connection_;
        const aip::Call* outer_;
        std::uint64_t outerStop_;
    };

    /// Statements without parameters or rows, of this plugin's own text.
    aip::Status run(const std::string& sql);
    /// One row of `sql`, its first column; 0 where there is none.
    aip::Outcome<std::int64_t> number(const std::string& sql);
    [[nodiscard]] aip::Outcome<Statement> prepare(const std::string& sql);

    struct Prepared {
        sql::Plan plan;
        Statement statement;
    };
    /// The statement of the shape of `op`, which passed sql::checkBounds. Valid until the next call of this function.
    aip::Outcome<Prepared*> prepared(const aip_op& op, const Tables& tables);

    [[nodiscard]] sqlite3* native() const { return native_; }
    [[nodiscard]] aip::Fail failure(int rc) const;
    [[nodiscard]] bool inTransaction() const;

    /// BEGIN IMMEDIATE, COMMIT and the like, prepared once.
    enum class Control { Begin, BeginImmediate, Commit, Rollback, Savepoint, Release, RollbackTo };
    aip::Status control(Control what);

private:
    struct Session;
    struct KeyHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
    };
    Connection();
    [[nodiscard]] bool mustStop() const;

    std::unique_ptr<Session> session_;
    sqlite3* native_ = nullptr;
    const aip::Call* call_ = nullptr;
    std::uint64_t stopAtNs_ = 0;
    std::string shape_;
    std::uint64_t generation_ = 0;
    std::unordered_map<std::string, Prepared, KeyHash, std::equal_to<>> cache_;
    Statement controls_[7];
};

}  // namespace agentidp::storage_sqlite
