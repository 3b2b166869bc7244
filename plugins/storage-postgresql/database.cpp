#include "database.h"

#include <libpq-fe.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "copy.h"
#include "failure.h"
#include "migration.h"
#include "sql/groups.h"
#include "sql/steps.h"

namespace agentidp::storage_postgresql {

namespace {

using std::chrono::milliseconds;

constexpr const char* kSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr milliseconds kListenAgain{1'000};

bool has(std::uint32_t flags, std::uint32_t bit) { return (flags & bit) != 0; }

/// The server ends by itself what its caller no longer waits for. A little later than we do, so that our own word is the one told.
std::int64_t boundMs(const aip::Call& call) { return std::chrono::duration_cast<milliseconds>(call.left()).count() + 250; }
std::string boundOf(const aip::Call& call) { return "SET LOCAL statement_timeout = " + std::to_string(boundMs(call)); }

}  // namespace

/// One reading connection for the time of a call.
class Database::Reader {
public:
    explicit Reader(Database& database) : database_(database) {}
    aip::Status take(const aip::Call& call) {
        if (auto entered = database_.readers_.enter(call); !entered) return entered;
        entered_ = true;
        for (;;) {
            {
                const std::lock_guard lock(database_.mutex_);
                if (database_.idle_.empty()) break;
                connection_ = std::move(database_.idle_.back());
                database_.idle_.pop_back();
            }
            if (connection_->alive()) return {};
            connection_.reset();
        }
        auto made = database_.connect(call);
        if (!made) return made.fail();
        connection_ = std::move(*made);
        return connection_->direct() ? connection_->readSnapshots(call) : aip::Status();
    }
    ~Reader() {
        if (connection_ != nullptr && !connection_->broken()) {
            const std::lock_guard lock(database_.mutex_);
            database_.idle_.push_back(std::move(connection_));
        }
        if (entered_) database_.readers_.leave();
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    Connection& connection() { return *connection_; }

private:
    Database& database_;
    bool entered_ = false;
    std::unique_ptr<Connection> connection_;
};

Database::Database(const Settings& settings, const aip::Host& host)
    : settings_(settings), host_(host), readers_(settings.readers), prepares_(settings.prepare) {}

Database::~Database() {
    stopping_ = true;
    if (listener_.joinable()) listener_.join();
}

aip::Outcome<std::unique_ptr<Connection>> Database::connect(const aip::Call& call) const {
    auto url = host_.secret(settings_.url);
    if (!url) return url.fail();
    return Connection::open(*url, prepares_, call);
}

aip::Status Database::start(const aip::Call& call) {
    Reader reader(*this);
    if (auto taken = reader.take(call); !taken) return taken;
    return learn(reader.connection(), call);
}

std::shared_ptr<Statements> Database::statements() const {
    const std::lock_guard lock(mutex_);
    return statements_;
}

aip::Status Database::learn(Connection& connection, const aip::Call& call) {
    auto steps = appliedSteps(connection, settings_.schema, call);
    if (!steps) return steps.fail();
    auto catalog = sql::catalogOf(*steps);
    if (!catalog) return catalog.fail();
    const std::lock_guard lock(mutex_);
    statements_ =
        steps->empty() ? nullptr : std::make_shared<Statements>(std::move(*catalog), steps->size(), settings_.schema, settings_.locks);
    return {};
}

aip::Status Database::apply(const aip::StoragePlugin::Apply& what, aip::ResultWriter& out, const aip::Call& call) {
    const bool inside = *what.tx != nullptr;
    if (inside && *what.tx != this) return aip::invalid("an unknown transaction");
    if (has(what.flags, AIP_TX_ROLLBACK)) {
        if (inside) end(what.tx, call);
        return {};
    }
    const bool reads = has(what.flags, AIP_TX_READ);
    if (reads && (inside || has(what.flags, AIP_TX_COMMIT)))
        return aip::invalid("a snapshot is neither inside a transaction nor committed");
    const auto mark = out.mark();
    aip::Status done = reads ? read(what.ops, out, call) : write(what, out, call);
    if (done || inside || !mayBeBehind(done.fail()) || !learnedMore(call)) return done;
    out.rewind(mark);
    return reads ? read(what.ops, out, call) : write(what, out, call);
}

bool Database::mayBeBehind(const aip::Fail& fail) const { return fail.status == AIP_E_INVALID || statements() == nullptr; }

/// Another process may have brought the store forward since its tables were learned.
bool Database::learnedMore(const aip::Call& call) {
    const auto steps = [this] {
        const auto known = statements();
        return known != nullptr ? known->steps() : 0;
    };
    const std::size_t before = steps();
    Reader reader(*this);
    return reader.take(call) && learn(reader.connection(), call) && steps() > before;
}

aip::Status Database::read(const aip::Ops& ops, aip::ResultWriter& out, const aip::Call& call) {
    const auto known = statements();
    if (known == nullptr) {
        // Time can be told without a table.
        for (const aip_op& op : ops)
            if (op.code != AIP_OP_NOW) return aip::unavailable("the store holds no schema yet; run agentidp migrate up");
    }
    static const std::shared_ptr<Statements> kNone = std::make_shared<Statements>(sql::Catalog(), 0, "none", Locks::Advisory);
    Reader reader(*this);
    if (auto taken = reader.take(call); !taken) return taken;
    Connection& connection = reader.connection();
    Run run(connection, known != nullptr ? *known : *kNone, Run::Access::ReadOnly, out, call);
    const auto groups = sql::hasGroups(ops);
    if (connection.direct() && groups && !*groups) {
        const auto mark = out.mark();
        aip::Status done = run.snapshot(ops, boundMs(call));
        if (done || !forgot(connection)) return done;
        out.rewind(mark);
        return run.snapshot(ops, boundMs(call));
    }
    aip::Status done = run.all(ops, {kSnapshot, boundOf(call)}, {"COMMIT"});
    if (!done && !connection.broken()) (void)connection.ask("ROLLBACK", call);
    return done;
}

/// A pooler that looks like the server itself, or a plan that a migration made useless: nothing is prepared from now on.
bool Database::forgot(Connection& connection) {
    if (!connection.forgotPrepared()) return false;
    if (prepares_.exchange(false))
        host_.warn("the PostgreSQL server has no use for a statement that was prepared; from now on each is parsed anew");
    return true;
}

aip::Status Database::readyWriter(const aip::Call& call) {
    if (writer_ != nullptr && writer_->alive()) return {};
    writer_.reset();
    auto made = connect(call);
    if (!made) return made.fail();
    writer_ = std::move(*made);
    return {};
}

void Database::end(void** tx, const aip::Call& call) {
    // Past its deadline a transaction is ended by closing its connection.
    if (writer_ != nullptr && !writer_->broken() && PQtransactionStatus(writer_->native()) != PQTRANS_IDLE &&
        (!writer_->ask("ROLLBACK", call) || writer_->broken()))
        writer_.reset();
    if (writer_ != nullptr && writer_->broken()) writer_.reset();
    *tx = nullptr;
    writers_.leave();
}

aip::Status Database::write(const aip::StoragePlugin::Apply& what, aip::ResultWriter& out, const aip::Call& call) {
    const bool begins = *what.tx == nullptr;
    const auto mark = out.mark();
    const auto known = statements();
    if (known == nullptr) return aip::unavailable("the store holds no schema yet; run agentidp migrate up");
    if (begins) {
        if (auto entered = writers_.enter(call); !entered) return entered;
        *what.tx = this;
        if (auto ready = readyWriter(call); !ready) {
            end(what.tx, call);
            return ready;
        }
    }
    const bool commits = has(what.flags, AIP_TX_COMMIT);
    aip::Status done = call.check();
    if (done && (writer_ == nullptr || writer_->broken())) done = aip::unavailable("the PostgreSQL server ended the transaction");
    if (done) {
        std::vector<std::string> before, after;
        if (begins) before.emplace_back("BEGIN");
        before.push_back(boundOf(call));
        if (commits) after = {"NOTIFY " + channel(), "COMMIT"};
        done = Run(*writer_, *known, Run::Access::ReadWrite, out, call).all(what.ops, before, after);
    }
    const bool again = !done && begins && writer_ != nullptr && forgot(*writer_);
    if (!done || commits) end(what.tx, call);
    if (!again) return done;
    out.rewind(mark);
    return write(what, out, call);
}

aip::Outcome<std::vector<sql::Step>> Database::applied(const aip::Call& call) {
    Reader reader(*this);
    if (auto taken = reader.take(call); !taken) return taken.fail();
    return appliedSteps(reader.connection(), settings_.schema, call);
}

/// Work of many statements that may change the tables. Whatever it leaves open where it fails ends with its connection.
aip::Status Database::changeTables(const aip::Call& call, const std::function<aip::Status(Connection&)>& work) {
    if (auto entered = writers_.enter(call); !entered) return entered;
    aip::Status done = readyWriter(call);
    if (done && settings_.locks == Locks::Rows) done = makeLockTable(*writer_, settings_.schema, call);
    if (done) done = work(*writer_);
    if (done) done = learn(*writer_, call);
    if (!done) writer_.reset();
    writers_.leave();
    return done;
}

aip::Status Database::migrate(const std::vector<sql::Step>& wanted, const aip::Call& call) {
    return changeTables(call, [&](Connection& connection) {
        const bool first = statements() == nullptr;
        auto done = applyMissing(connection, {settings_.schema, settings_.locks}, wanted, host_.wallUs(), call);
        if (done && first) lookForPredecessor(connection, call);
        return done;
    });
}

/// Said once, when our own tables are made beside those of the system we replace. They are left alone.
void Database::lookForPredecessor(Connection& connection, const aip::Call& call) {
    const auto there = connection.ask(
        "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'public' AND tablename IN ('agents', 'credentials', 'audit_events')",
        call);
    if (there && integerAt(there->get(), 0, 0) == 3)
        host_.warn(
            "this database holds the tables of sentryagent-idp in its schema public; they stay as they are, and agentidp import "
            "sentryagent "
            "--dsn env:DATABASE_URL takes their agents, credentials and events over");
}

std::string Database::channel() const { return "\"agentidp_" + settings_.schema + "\""; }

aip::Status Database::watch(std::function<void()> changed, const aip::Call& call) {
    if (auto over = call.check(); !over) return over;
    if (listener_.joinable()) return aip::invalid("watched already");
    listener_ = std::thread([this, changed = std::move(changed)] { listen(changed); });
    pthread_setname_np(listener_.native_handle(), "pg-listen");
    return {};
}

/// A hint may be lost, behind a pooler all of them are: whoever listens also polls.
void Database::listen(const std::function<void()>& changed) {
    const auto stopping = [this] { return stopping_.load(); };
    bool told = false;
    while (!stopping_) {
        const aip::Call call(nullptr, host_);
        auto made = connect(call);
        aip::Status heard = made ? aip::Status() : aip::Status(made.fail());
        if (heard) {
            auto begun = (*made)->ask("LISTEN " + channel(), call);
            if (!begun) heard = begun.fail();
            // Whatever was committed before is news, too.
            if (heard) changed();
            told = told && !heard;
            while (heard && !stopping_) {
                auto any = (*made)->notified(milliseconds(500), stopping);
                if (!any)
                    heard = any.fail();
                else if (*any)
                    changed();
            }
        }
        if (!heard && !told) {
            host_.warn("commits of other daemons are seen by polling only: " + heard.fail().message + ": " + heard.fail().detail);
            told = true;
        }
        const auto until = std::chrono::steady_clock::now() + kListenAgain;
        while (!stopping_ && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(milliseconds(20));
    }
}

aip::Status Database::backup(const aip::StoragePlugin::Receive& out, const aip::Call& call) {
    auto own = connect(call);
    if (!own) return own.fail();
    return copyTo(**own, settings_.schema, out, call);
}

aip::Status Database::restore(const aip::StoragePlugin::Provide& in, const aip::Call& call) {
    return changeTables(call, [&](Connection& connection) { return copyFrom(connection, settings_.schema, in, host_.wallUs(), call); });
}

aip::Status Database::health(aip::Fields& details, const aip::Call& call) {
    Reader reader(*this);
    if (auto taken = reader.take(call); !taken) return taken;
    Connection& connection = reader.connection();
    auto told = connection.ask(
        "SELECT CASE WHEN pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' THEN 1::bigint ELSE 0 END", call);
    if (!told) return told.fail();
    details.text("host", PQhost(connection.native()) != nullptr ? PQhost(connection.native()) : "")
        .text("database", PQdb(connection.native()))
        .text("schema", settings_.schema)
        .integer("server_version", PQserverVersion(connection.native()));
    if (integerAt(told->get(), 0, 0) != 0) return aip::unavailable("the PostgreSQL server takes no writes: it is a standby");
    return {};
}

}  // namespace agentidp::storage_postgresql
