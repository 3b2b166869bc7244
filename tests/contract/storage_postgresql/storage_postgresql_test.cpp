/// storage-postgresql through the kernel's loader, against a real server: the contract, and what only a server can get wrong. The server
/// is named by AGENTIDP_TEST_POSTGRES (tests/support/postgres.py starts one); each store is a schema of its own in its database.
#include <cppunit/extensions/HelperMacros.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "../storage/naughty_texts.h"
#include "plugin/contract/storage_contract.h"
#include "support/contract_suite.h"
#include "support/loaded_plugin.h"
#include "support/skip.h"
#include "support/temporary_folder.h"

namespace agentidp::tests {
namespace {

using namespace plugin;
using plugin::contract::StorageSubject;

const char* const kServer = "AGENTIDP_TEST_POSTGRES";

base::Result<base::Secret> serverUrl(std::string_view) {
    const char* url = std::getenv(kServer);
    return base::Secret::fromText(url != nullptr ? url : "");
}

std::string freshSchema() {
    static std::atomic<int> number{0};
    return "t" + std::to_string(getpid()) + "_" + std::to_string(++number);
}

/// A loaded plugin over a schema of its own, or over one that is handed in.
struct Loaded {
    explicit Loaded(const base::Clock& clock, std::string schema = freshSchema(), const std::string& locks = "advisory",
                    const std::string& prepare = "auto")
        : name(std::move(schema)), plugin(clock, settings(name, locks, prepare), folder.path().string(), {}, serverUrl) {}
    static Wanted settings(const std::string& schema, const std::string& locks = "advisory", const std::string& prepare = "auto") {
        return wanted(AIP_KIND_STORAGE, "postgresql",
                      {{"url", "env:AGENTIDP_TEST_POSTGRES"}, {"schema", schema}, {"locks", locks}, {"prepare", prepare}});
    }
    Storage& storage() { return plugin.catalog().storage(); }

    TemporaryFolder folder;
    std::string name;
    LoadedPlugin plugin;
};

template <bool kRowLocks>
class StoragePostgresqlBench {
public:
    StoragePostgresqlBench() {
        if (std::getenv(kServer) == nullptr) skip("AGENTIDP_TEST_POSTGRES names no PostgreSQL server");
    }
    StorageSubject& subject() { return subject_; }

private:
    std::shared_ptr<Storage> fresh() {
        auto loaded = std::make_shared<Loaded>(clock_, freshSchema(), kRowLocks ? "rows" : "advisory");
        return {loaded, &loaded->storage()};
    }
    base::SystemClock clock_;
    StorageSubject subject_{clock_, [this] { return fresh(); }, naughtyTexts()};
};

const RegisterContract<StoragePostgresqlBench<false>, StorageSubject> kPostgresql("storage_postgresql",
                                                                                  plugin::contract::storageContract());
const RegisterContract<StoragePostgresqlBench<true>, StorageSubject> kRowLocks("storage_postgresql_row_locks",
                                                                               plugin::contract::storageContract());

constexpr std::string_view kOneTable = R"({"steps":[{"number":1,"name":"one","tables":[
    {"name":"notes","columns":[{"name":"id","type":"int"},{"name":"text","type":"text"}],"primaryKey":["id"]}]}]})";
constexpr std::string_view kTwoTables = R"({"steps":[{"number":1,"name":"one","tables":[
    {"name":"notes","columns":[{"name":"id","type":"int"},{"name":"text","type":"text"}],"primaryKey":["id"]}]},
    {"number":2,"name":"two","tables":[
    {"name":"marks","columns":[{"name":"id","type":"int"}],"primaryKey":["id"]}]}]})";

/// Counts what a watch tells, and waits for it.
class Told {
public:
    void tell() {
        const std::lock_guard held(mutex_);
        ++count_;
        changed_.notify_all();
    }
    [[nodiscard]] int count() {
        const std::lock_guard held(mutex_);
        return count_;
    }
    [[nodiscard]] bool moreThan(int before) {
        std::unique_lock held(mutex_);
        return changed_.wait_for(held, std::chrono::seconds(20), [&] { return count_ > before; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

class StoragePostgresqlServerTest final : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StoragePostgresqlServerTest);
    CPPUNIT_TEST(watchIsToldOfTheCommitOfAnotherInstance);
    CPPUNIT_TEST(learnsTablesThatAnotherInstanceMade);
    CPPUNIT_TEST(learnsATableThatAnotherInstanceAdded);
    CPPUNIT_TEST(aStatementWhoseTableChangedIsParsedAnew);
    CPPUNIT_TEST(aTransactionWhoseConnectionIsCutIsUndoneAndTheNextOneServes);
    CPPUNIT_TEST(aRefusedConnectionDoesNotTellThePassword);
    CPPUNIT_TEST_SUITE_END();

public:
    void watchIsToldOfTheCommitOfAnotherInstance() {
        if (noServer()) return;
        Loaded one(clock_);
        migrate(one.storage(), kOneTable);
        Loaded two(clock_, one.name);
        const auto told = std::make_shared<Told>();
        CPPUNIT_ASSERT(two.storage().watch([told] { told->tell(); }, call()).ok());
        // Whoever begins to listen is told once: what was committed before is news to it.
        CPPUNIT_ASSERT(told->moreThan(0));
        const int before = told->count();
        insert(one.storage(), 1);
        CPPUNIT_ASSERT_MESSAGE("a commit of another instance was not told", told->moreThan(before));
    }

    void learnsTablesThatAnotherInstanceMade() {
        if (noServer()) return;
        Loaded early(clock_);
        const auto without = early.storage().read({count("notes", {})}, call());
        CPPUNIT_ASSERT(!without.ok() && without.error().code == base::Errc::Unavailable);
        Loaded other(clock_, early.name);
        migrate(other.storage(), kOneTable);
        insert(early.storage(), 1);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, rows(early.storage(), "notes"));
    }

    void learnsATableThatAnotherInstanceAdded() {
        if (noServer()) return;
        Loaded old(clock_);
        migrate(old.storage(), kOneTable);
        Loaded next(clock_, old.name);
        migrate(next.storage(), kTwoTables);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, rows(old.storage(), "marks"));
        const auto unknown = old.storage().read({count("nowhere", {})}, call());
        CPPUNIT_ASSERT(!unknown.ok() && unknown.error().code == base::Errc::Invalid);
    }

    /// A domain is told as the type it is made of, and is another to a plan that was kept.
    void aStatementWhoseTableChangedIsParsedAnew() {
        if (noServer()) return;
        for (const bool prepared : {true, false}) {
            Loaded one(clock_, freshSchema(), "advisory", prepared ? "auto" : "never");
            migrate(one.storage(), kOneTable);
            insert(one.storage(), 1);
            CPPUNIT_ASSERT(hasText(one.storage(), 1));
            const int before = one.plugin.logged();
            asOwner("CREATE DOMAIN " + one.name + ".line AS text");
            asOwner("ALTER TABLE " + one.name + ".notes ALTER COLUMN text TYPE " + one.name + ".line");
            CPPUNIT_ASSERT(hasText(one.storage(), 1));
            insert(one.storage(), 2);
            CPPUNIT_ASSERT(hasText(one.storage(), 2));
            CPPUNIT_ASSERT_EQUAL_MESSAGE("it says so once, where it prepares", prepared ? 1 : 0, one.plugin.logged() - before);
        }
    }

    void aTransactionWhoseConnectionIsCutIsUndoneAndTheNextOneServes() {
        if (noServer()) return;
        Loaded one(clock_);
        migrate(one.storage(), kOneTable);
        Transaction tx;
        CPPUNIT_ASSERT(one.storage().apply(tx, {insertOf(1)}, ApplyMode::Continue, call()).ok());
        cutAllOf(one.name);
        const auto lost = one.storage().apply(tx, {insertOf(2)}, ApplyMode::Commit, call());
        CPPUNIT_ASSERT(!lost.ok());
        CPPUNIT_ASSERT_MESSAGE(lost.error().hint, lost.error().code == base::Errc::Unavailable);
        CPPUNIT_ASSERT(!tx.open());
        insert(one.storage(), 3);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, rows(one.storage(), "notes"));
    }

    void aRefusedConnectionDoesNotTellThePassword() {
        if (noServer()) return;
        for (const std::string url : {"postgresql://agentidp:hunter2secret@127.0.0.1:1/agentidp?connect_timeout=2",
                                      "postgresql://agentidp:hunter2secret@127.0.0.1:1/agentidp?nosuch=hunter2secret",
                                      "host=/nowhere password=hunter2secret user=agentidp", "postgresql://agentidp:hunter2secret@[::1/x"}) {
            std::string said;
            try {
                const TemporaryFolder folder;
                const LoadedPlugin plugin(
                    clock_, Loaded::settings(freshSchema()), folder.path().string(), {},
                    [&](std::string_view) -> base::Result<base::Secret> { return base::Secret::fromText(std::string(url)); });
            } catch (const std::runtime_error& refused) {
                said = refused.what();
            }
            CPPUNIT_ASSERT(!said.empty());
            CPPUNIT_ASSERT_MESSAGE(said, said.find("hunter2secret") == std::string::npos);
        }
    }

private:
    [[nodiscard]] static bool noServer() {
        if (std::getenv(kServer) != nullptr) return false;
        skip("AGENTIDP_TEST_POSTGRES names no PostgreSQL server");
        return true;
    }
    [[nodiscard]] Call call() const { return callWithin(clock_, base::seconds(20)); }
    static Op insertOf(std::int64_t id) { return insertInto("notes", {{"id", id}, {"text", "n"}}); }

    void migrate(Storage& storage, std::string_view schema) {
        const auto migrated = storage.migrate(schema, true, call());
        CPPUNIT_ASSERT_MESSAGE(migrated.ok() ? "" : migrated.error().hint + migrated.error().detail, migrated.ok());
    }
    void insert(Storage& storage, std::int64_t id) {
        Transaction none;
        const auto done = storage.apply(none, {insertOf(id)}, ApplyMode::Commit, call());
        CPPUNIT_ASSERT_MESSAGE(done.ok() ? "" : done.error().hint + done.error().detail, done.ok());
    }
    std::int64_t rows(Storage& storage, std::string_view table) {
        const auto counted = storage.read({count(table, {})}, call());
        CPPUNIT_ASSERT_MESSAGE(counted.ok() ? "" : counted.error().hint + counted.error().detail, counted.ok());
        return counted->front().count;
    }
    bool hasText(Storage& storage, std::int64_t id) {
        const auto found = storage.read({select("notes", {"text"}, {{"id", Compare::Eq, {id}}})}, call());
        CPPUNIT_ASSERT_MESSAGE(found.ok() ? "" : found.error().hint + found.error().detail, found.ok());
        return found->front().rows.size() == 1 && found->front().rows[0][0] == Value("n");
    }
    static void asOwner(const std::string& sql) {
        const std::unique_ptr<PGconn, decltype(&PQfinish)> session(PQconnectdb(std::getenv(kServer)), &PQfinish);
        const std::unique_ptr<PGresult, decltype(&PQclear)> done(PQexec(session.get(), sql.c_str()), &PQclear);
        CPPUNIT_ASSERT_MESSAGE(PQerrorMessage(session.get()), PQresultStatus(done.get()) == PGRES_COMMAND_OK);
    }
    /// Ends, from a session of its own, every server process that last worked in `schema`.
    static void cutAllOf(const std::string& schema) {
        const std::string sql =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = "
            "'idle in transaction' AND query LIKE '%" +
            schema + "%'";
        const std::unique_ptr<PGconn, decltype(&PQfinish)> session(PQconnectdb(std::getenv(kServer)), &PQfinish);
        const std::unique_ptr<PGresult, decltype(&PQclear)> cut(PQexec(session.get(), sql.c_str()), &PQclear);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(PQerrorMessage(session.get()), 1, PQntuples(cut.get()));
    }

    base::SystemClock clock_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(StoragePostgresqlServerTest);

}  // namespace
}  // namespace agentidp::tests
