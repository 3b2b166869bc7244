#include "connection.h"

#include <Poco/Data/SQLite/SessionImpl.h>
#include <Poco/Data/SQLite/Utility.h>
#include <Poco/Data/Session.h>
#include <Poco/Exception.h>
#include <sqlite3.h>

#include <chrono>
#include <thread>

#include "failure.h"
#include "log_vfs.h"
#include "sql/shape.h"
#include "sql/sqlite_dialect.h"

namespace agentidp::storage_sqlite {

namespace {

constexpr int kStepsBetweenLooks = 4'000;
constexpr std::size_t kMaxPrepared = 512;
constexpr std::chrono::milliseconds kBusyPause{2};
constexpr const char* kControls[] = {"BEGIN",          "BEGIN IMMEDIATE",   "COMMIT", "ROLLBACK", "SAVEPOINT effect",
                                     "RELEASE effect", "ROLLBACK TO effect"};

std::uint64_t monoNs() {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

/// mode=rw: a file that vanished is not made anew.
std::string uriOf(const std::string& path) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string uri = "file:";
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#' || static_cast<unsigned char>(c) < 0x20) {
            uri.push_back('%');
            uri.push_back(kHex[static_cast<unsigned char>(c) >> 4U]);
            uri.push_back(kHex[static_cast<unsigned char>(c) & 15U]);
        } else {
            uri.push_back(c);
        }
    }
    uri += "?mode=rw";
    if (const char* vfs = logVfs()) uri.append("&vfs=").append(vfs);
    return uri;
}

}  // namespace

void StatementEnd::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

struct Connection::Session {
    explicit Session(const std::string& uri) : poco(Poco::AutoPtr<Poco::Data::SessionImpl>(new Poco::Data::SQLite::SessionImpl(uri))) {}
    Poco::Data::Session poco;
};

Connection::Connection() = default;

Connection::~Connection() {
    // Before the session goes: sqlite3_close refuses while statements live.
    cache_.clear();
    for (auto& statement : controls_) statement.reset();
}

aip::Outcome<std::unique_ptr<Connection>> Connection::open(const std::string& path, const Tuning& tuning, const aip::Call& call) {
    std::unique_ptr<Connection> made(new Connection);
    try {
        made->session_ = std::make_unique<Session>(uriOf(path));
        made->native_ = Poco::Data::SQLite::Utility::dbHandle(made->session_->poco);
    } catch (const Poco::Exception& thrown) {
        return aip::unavailable("the database file cannot be opened", path + ": " + thrown.displayText());
    }
    Connection& self = *made;
    sqlite3_extended_result_codes(self.native_, 1);
    sqlite3_progress_handler(
        self.native_, kStepsBetweenLooks, [](void* arg) { return static_cast<Connection*>(arg)->mustStop() ? 1 : 0; }, &self);
    sqlite3_busy_handler(
        self.native_,
        [](void* arg, int) {
            if (static_cast<Connection*>(arg)->mustStop()) return 0;
            std::this_thread::sleep_for(kBusyPause);
            return 1;
        },
        &self);
    const Bounded bounded(self, call);
    if (auto set = self.run("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;"
                            "PRAGMA cache_size = -" +
                            std::to_string(tuning.cacheMiB * 1024) + "; PRAGMA mmap_size = " + std::to_string(tuning.mapMiB * 1024 * 1024));
        !set)
        return set.fail();
    return made;
}

bool Connection::mustStop() const {
    if (stopAtNs_ != 0 && monoNs() >= stopAtNs_) return true;
    return call_ == nullptr || call_->cancelled() || call_->expired();
}

Connection::Bounded::Bounded(Connection& connection, const aip::Call& call)
    : connection_(connection), outer_(connection.call_), outerStop_(connection.stopAtNs_) {
    connection_.call_ = &call;
    // A call without a deadline has the 30 s of the border.
    connection_.stopAtNs_ = call.deadlineNs() == 0 ? monoNs() + static_cast<std::uint64_t>(call.left().count()) : 0;
}

Connection::Bounded::~Bounded() {
    connection_.call_ = outer_;
    connection_.stopAtNs_ = outerStop_;
}

aip::Fail Connection::failure(int rc) const {
    const bool late = stopAtNs_ != 0 && monoNs() >= stopAtNs_;
    if (late && ((rc & 0xFF) == SQLITE_INTERRUPT || (rc & 0xFF) == SQLITE_BUSY)) return aip::deadline();
    return failureOf(native_, rc, call_);
}

bool Connection::inTransaction() const { return sqlite3_get_autocommit(native_) == 0; }

aip::Status Connection::run(const std::string& sql) {
    const int rc = sqlite3_exec(native_, sql.c_str(), nullptr, nullptr, nullptr);
    if (rc != SQLITE_OK) return failure(rc);
    return {};
}

aip::Outcome<Statement> Connection::prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    const int rc = sqlite3_prepare_v3(native_, sql.c_str(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (rc != SQLITE_OK) return failure(rc);
    return Statement(statement);
}

aip::Outcome<std::int64_t> Connection::number(const std::string& sql) {
    auto statement = prepare(sql);
    if (!statement) return statement.fail();
    const int rc = sqlite3_step(statement->get());
    if (rc == SQLITE_ROW) return std::int64_t{sqlite3_column_int64(statement->get(), 0)};
    if (rc == SQLITE_DONE) return std::int64_t{0};
    return failure(rc);
}

aip::Status Connection::control(Control what) {
    const auto at = static_cast<std::size_t>(what);
    if (controls_[at] == nullptr) {
        auto statement = prepare(kControls[at]);
        if (!statement) return statement.fail();
        controls_[at] = std::move(*statement);
    }
    const int rc = sqlite3_step(controls_[at].get());
    // The failure is read before the reset, which may overwrite it.
    aip::Status status = rc == SQLITE_DONE ? aip::Status() : aip::Status(failure(rc));
    sqlite3_reset(controls_[at].get());
    return status;
}

aip::Outcome<Connection::Prepared*> Connection::prepared(const aip_op& op, const Tables& tables) {
    if (generation_ != tables.generation) {
        cache_.clear();
        generation_ = tables.generation;
    }
    sql::shapeOf(op, shape_);
    if (const auto at = cache_.find(std::string_view(shape_)); at != cache_.end()) return &at->second;
    static const sql::SqliteDialect dialect;
    auto plan = sql::planOf(op, tables.catalog, dialect);
    if (!plan) return plan.fail();
    auto statement = prepare(plan->sql);
    if (!statement) return statement.fail();
    if (cache_.size() >= kMaxPrepared) cache_.clear();
    return &cache_.insert_or_assign(shape_, Prepared{std::move(*plan), std::move(*statement)}).first->second;
}

}  // namespace agentidp::storage_sqlite
