#include "database.h"

#include <sqlite3.h>

#include "failure.h"
#include "migration.h"
#include "run.h"
#include "sql/steps.h"

namespace agentidp::storage_sqlite {

namespace {

using Control = Connection::Control;

/// After this long no further table is looked at.
constexpr std::chrono::milliseconds kExamination{500};
/// A table of more rows is not walked through at start: that can take minutes and cannot be interrupted.
constexpr int kSmallTable = 5'000;
constexpr int kPagesPerStep = 2'048;

bool has(std::uint32_t flags, std::uint32_t bit) { return (flags & bit) != 0; }

std::string firstText(const Statement& statement) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
    return text == nullptr ? std::string() : text;
}

}  // namespace

/// One reading connection for the time of a call.
class Database::Reader {
public:
    explicit Reader(Database& database) : database_(database) {}
    aip::Status take(const aip::Call& call) {
        if (auto entered = database_.readers_.enter(call); !entered) return entered;
        entered_ = true;
        {
            const std::lock_guard lock(database_.mutex_);
            if (!database_.idle_.empty()) {
                connection_ = std::move(database_.idle_.back());
                database_.idle_.pop_back();
                return {};
            }
        }
        auto opened = Connection::open(database_.settings_.path, database_.settings_.reader, call);
        if (!opened) return opened.fail();
        connection_ = std::move(*opened);
        return {};
    }
    ~Reader() {
        if (connection_ != nullptr) {
            if (connection_->inTransaction()) (void)connection_->control(Control::Rollback);
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
    : settings_(settings), host_(host), tables_(std::make_shared<Tables>()), readers_(settings.readers) {}

Database::~Database() = default;

aip::Outcome<std::unique_ptr<Database>> Database::open(const Settings& settings, const aip::Host& host, const aip::Call& call) {
    std::unique_ptr<Database> made(new Database(settings, host));
    auto writer = Connection::open(settings.path, settings.writer, call);
    if (!writer) return writer.fail();
    made->writer_ = std::move(*writer);
    made->file_ = idOf(settings.path);
    sqlite3* db = made->writer_->native();
    // Until it proved sound, closing it must not move a log into it.
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    if (auto sound = made->examine(call); !sound) return sound.fail();
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    {
        const Connection::Bounded bounded(*made->writer_, call);
        if (auto prepared = made->prepareFile(); !prepared) return prepared.fail();
        if (auto learned = made->learnTables(); !learned) return learned.fail();
    }
    sqlite3_wal_hook(
        db,
        [](void* arg, sqlite3*, const char*, int pages) {
            static_cast<Database*>(arg)->walPages_ = pages;
            return SQLITE_OK;
        },
        made.get());
    auto own = Connection::open(settings.path, Connection::Tuning{1, 0}, call);
    if (!own) return own.fail();
    made->checkpointer_ = std::make_unique<Checkpointer>(std::move(*own), settings.path, made->writers_, host);
    return made;
}

aip::Status Database::examine(const aip::Call& call) {
    Connection& connection = *writer_;
    std::vector<std::string> names;
    {
        const Connection::Bounded bounded(connection, call);
        const auto id = connection.number("PRAGMA application_id");
        if (!id) return id.fail();
        auto tables =
            connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rootpage");
        if (!tables) return tables.fail();
        int rc = SQLITE_OK;
        while ((rc = sqlite3_step(tables->get())) == SQLITE_ROW) names.push_back(firstText(*tables));
        if (rc != SQLITE_DONE) return connection.failure(rc);
        if (*id != kApplicationId && (*id != 0 || !names.empty()))
            return aip::conflict("the database file belongs to another program", settings_.path);
    }
    // Small tables hold what everything else hangs on: keys, the tip of the ledger.
    const auto until = std::chrono::steady_clock::now() + kExamination;
    const Connection::Bounded bounded(connection, call);
    for (const auto& name : names) {
        if (std::chrono::steady_clock::now() >= until) break;
        const auto rows =
            connection.number("SELECT count(*) FROM (SELECT 1 FROM \"" + name + "\" LIMIT " + std::to_string(kSmallTable + 1) + ")");
        if (!rows) return rows.fail();
        if (*rows > kSmallTable) continue;
        auto check = connection.prepare("PRAGMA quick_check(\"" + name + "\")");
        if (!check) return check.fail();
        const int rc = sqlite3_step(check->get());
        if (rc != SQLITE_ROW) return connection.failure(rc);
        if (firstText(*check) != "ok") return damaged("malformed page", settings_.path + ": table " + name + ": " + firstText(*check));
    }
    return call.check();
}

aip::Status Database::prepareFile() {
    auto mode = writer_->prepare("PRAGMA journal_mode");
    if (!mode) return mode.fail();
    const int rc = sqlite3_step(mode->get());
    if (rc != SQLITE_ROW) return writer_->failure(rc);
    if (firstText(*mode) != "wal") {
        mode->reset();
        if (auto set = writer_->run("PRAGMA application_id = " + std::to_string(kApplicationId)); !set) return set;
        auto change = writer_->prepare("PRAGMA journal_mode = WAL");
        if (!change) return change.fail();
        const int changed = sqlite3_step(change->get());
        if (changed != SQLITE_ROW) return writer_->failure(changed);
        if (firstText(*change) != "wal") return aip::unavailable("the database cannot use a write-ahead log here", settings_.path);
    }
    // What a burst made larger is given back when the log begins anew.
    return writer_->run("PRAGMA journal_size_limit = 67108864");
}

aip::Status Database::learnTables() {
    auto steps = appliedSteps(*writer_);
    if (!steps) return steps.fail();
    auto catalog = sql::catalogOf(*steps);
    if (!catalog) return catalog.fail();
    const std::lock_guard lock(mutex_);
    tables_ = std::make_shared<Tables>(Tables{std::move(*catalog), tables_->generation + 1});
    return {};
}

std::shared_ptr<const Tables> Database::tables() const {
    const std::lock_guard lock(mutex_);
    return tables_;
}

aip::Status Database::noted(aip::Status status) {
    if (!status && isDamage(status.fail())) damaged_ = true;
    return status;
}

aip::Status Database::apply(const aip::StoragePlugin::Apply& what, aip::ResultWriter& out, const aip::Call& call) {
    const bool inside = *what.tx != nullptr;
    if (inside && *what.tx != writer_.get()) return aip::invalid("an unknown transaction");
    if (has(what.flags, AIP_TX_ROLLBACK)) {
        if (inside) end(what.tx);
        return {};
    }
    if (has(what.flags, AIP_TX_READ)) {
        if (inside || has(what.flags, AIP_TX_COMMIT)) return aip::invalid("a snapshot is neither inside a transaction nor committed");
        return noted(read(what.ops, out, call));
    }
    return noted(write(what, out, call));
}

aip::Status Database::read(const aip::Ops& ops, aip::ResultWriter& out, const aip::Call& call) {
    Reader reader(*this);
    if (auto taken = reader.take(call); !taken) return taken;
    Connection& connection = reader.connection();
    const Connection::Bounded bounded(connection, call);
    // A statement alone is a snapshot of its own.
    if (ops.size() > 1)
        if (auto begun = connection.control(Control::Begin); !begun) return begun;
    const auto known = tables();
    aip::Status done = Run{connection, *known, host_, Run::Access::ReadOnly, out}.all(ops);
    if (connection.inTransaction()) (void)connection.control(Control::Commit);
    return done;
}

aip::Status Database::begin(void** tx, const aip::Call& call) {
    if (auto entered = writers_.enter(call); !entered) return entered;
    const Connection::Bounded bounded(*writer_, call);
    if (auto begun = writer_->control(Control::BeginImmediate); !begun) {
        writers_.leave();
        return begun;
    }
    *tx = writer_.get();
    return {};
}

void Database::end(void** tx) {
    if (writer_->inTransaction()) (void)writer_->control(Control::Rollback);
    *tx = nullptr;
    writers_.leave();
}

aip::Status Database::write(const aip::StoragePlugin::Apply& what, aip::ResultWriter& out, const aip::Call& call) {
    if (*what.tx == nullptr)
        if (auto begun = begin(what.tx, call); !begun) return begun;
    const Connection::Bounded bounded(*writer_, call);
    const auto known = tables();
    aip::Status done = call.check();
    if (done) done = Run{*writer_, *known, host_, Run::Access::ReadWrite, out}.all(what.ops);
    if (done && has(what.flags, AIP_TX_COMMIT)) {
        done = writer_->control(Control::Commit);
        if (done) checkpointer_->committed(walPages_);
    }
    if (!done || has(what.flags, AIP_TX_COMMIT)) end(what.tx);
    return done;
}

aip::Outcome<std::vector<sql::Step>> Database::applied(const aip::Call& call) {
    Reader reader(*this);
    if (auto taken = reader.take(call); !taken) return taken.fail();
    const Connection::Bounded bounded(reader.connection(), call);
    return appliedSteps(reader.connection());
}

aip::Status Database::migrate(const std::vector<sql::Step>& wanted, const aip::Call& call) {
    if (auto entered = writers_.enter(call); !entered) return entered;
    aip::Status done;
    {
        const Connection::Bounded bounded(*writer_, call);
        done = applyMissing(*writer_, wanted, host_.wallUs());
        if (done) done = learnTables();
        checkpointer_->committed(walPages_);
    }
    writers_.leave();
    return noted(std::move(done));
}

aip::Status Database::copyTo(const std::string& path, const aip::Call& call) {
    Reader reader(*this);
    if (auto taken = reader.take(call); !taken) return taken;
    Connection& from = reader.connection();
    const Connection::Bounded bounded(from, call);
    auto to = Connection::open(path, Connection::Tuning{1, 0}, call);
    if (!to) return to.fail();
    const Connection::Bounded boundedToo(**to, call);
    // The copy is whole or thrown away, so it needs no journal. An open read keeps all steps on one snapshot.
    if (auto set = (*to)->run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"); !set) return set;
    if (auto begun = from.control(Control::Begin); !begun) return begun;
    if (auto first = from.number("SELECT count(*) FROM sqlite_schema"); !first) return first.fail();
    sqlite3_backup* backup = sqlite3_backup_init((*to)->native(), "main", from.native(), "main");
    if (backup == nullptr) return (*to)->failure(sqlite3_errcode((*to)->native()));
    aip::Status over;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && over) {
        rc = sqlite3_backup_step(backup, kPagesPerStep);
        over = call.check();
    }
    const int finished = sqlite3_backup_finish(backup);
    if (!over) return over;
    if (rc != SQLITE_DONE) return noted(from.failure(rc));
    if (finished != SQLITE_OK) return (*to)->failure(finished);
    return {};
}

aip::Status Database::verify(const std::string& path, const aip::Call& call) {
    const auto state = lookAt(path);
    if (!state) return state.fail();
    if (*state != FileState::Present) return aip::invalid("the backup is empty");
    auto copy = Connection::open(path, Connection::Tuning{8, 0}, call);
    if (!copy) return copy.fail();
    const Connection::Bounded bounded(**copy, call);
    const auto id = (*copy)->number("PRAGMA application_id");
    if (!id) return id.fail();
    if (*id != kApplicationId) return aip::invalid("the backup is not one of this plugin");
    if (auto steps = appliedSteps(**copy); !steps) return steps.fail();
    auto check = (*copy)->prepare("PRAGMA quick_check(1)");
    if (!check) return check.fail();
    const int rc = sqlite3_step(check->get());
    if (rc != SQLITE_ROW) return (*copy)->failure(rc);
    if (firstText(*check) != "ok") return damaged("malformed page", path + ": " + firstText(*check));
    return {};
}

aip::Status Database::health(aip::Fields& details, const aip::Call& call) {
    details.text("path", settings_.path).integer("wal_pages", checkpointer_->pages());
    if (damaged_) return damaged("seen while at work", settings_.path);
    if (!(idOf(settings_.path) == file_)) return aip::unavailable("the database file was removed or replaced while in use", settings_.path);
    if (const auto trouble = checkpointer_->trouble(); !trouble.empty())
        return aip::unavailable("the write-ahead log only grows: " + trouble, settings_.path);
    Reader reader(*this);
    if (auto taken = reader.take(call); !taken) return taken;
    const Connection::Bounded bounded(reader.connection(), call);
    const auto steps = reader.connection().number("SELECT count(*) FROM sqlite_schema");
    return steps ? aip::Status() : noted(steps.fail());
}

}  // namespace agentidp::storage_sqlite
