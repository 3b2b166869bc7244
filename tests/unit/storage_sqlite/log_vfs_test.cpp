#include "log_vfs.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace agentidp::storage_sqlite {
namespace {

/// One connection, by the layer under test or by SQLite's own.
class Base {
public:
    Base(const std::string& path, const char* vfs) {
        CPPUNIT_ASSERT_EQUAL(SQLITE_OK, sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs));
        run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
    }
    Base(const Base&) = delete;
    Base& operator=(const Base&) = delete;
    ~Base() { sqlite3_close(db_); }
    int tryToRun(const std::string& sql) { return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr); }
    void run(const std::string& sql) { CPPUNIT_ASSERT_EQUAL_MESSAGE(sqlite3_errmsg(db_), SQLITE_OK, tryToRun(sql)); }
    std::string text(const std::string& sql) {
        sqlite3_stmt* statement = nullptr;
        CPPUNIT_ASSERT_EQUAL(SQLITE_OK, sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr));
        std::string out = "no row";
        if (sqlite3_step(statement) == SQLITE_ROW) out = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
        sqlite3_finalize(statement);
        return out;
    }

private:
    sqlite3* db_ = nullptr;
};

class LogVfsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LogVfsTest);
    CPPUNIT_TEST(othersReadWhatWasCommitted);
    CPPUNIT_TEST(aCommitIsFewWrites);
    CPPUNIT_TEST(aCommitLongerThanAllThatIsKept);
    CPPUNIT_TEST(whatWasRolledBackIsGone);
    CPPUNIT_TEST(aLogThatCannotGrowFailsTheCommit);
    CPPUNIT_TEST_SUITE_END();

    std::string folder_, path_;

public:
    void setUp() override {
        std::string pattern = std::filesystem::temp_directory_path() / "agentidp-log-XXXXXX";
        CPPUNIT_ASSERT(mkdtemp(pattern.data()) != nullptr);
        folder_ = pattern;
        path_ = folder_ + "/it.db";
        CPPUNIT_ASSERT(logVfs() != nullptr);
    }
    void tearDown() override { std::filesystem::remove_all(folder_); }

private:
    static std::uint64_t writesOfThisProcess() {
        std::ifstream file("/proc/self/io");
        for (std::string name; file >> name;)
            if (name == "syscw:") {
                std::uint64_t writes = 0;
                file >> writes;
                return writes;
            }
        CPPUNIT_FAIL("/proc/self/io counts no writes");
        return 0;
    }
    static std::string rowsOfSize(int rows, int size) {
        return "INSERT INTO t (body) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(rows) +
               ") SELECT randomblob(" + std::to_string(size) + ") FROM n";
    }

    void othersReadWhatWasCommitted() {
        Base ours(path_, logVfs());
        ours.run("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)");
        Base others(path_, nullptr);
        for (int i = 1; i <= 50; ++i) {
            ours.run(rowsOfSize(3, 700));
            CPPUNIT_ASSERT_EQUAL(std::to_string(3 * i), others.text("SELECT count(*) FROM t"));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("ok"), others.text("PRAGMA integrity_check"));
    }
    std::uint64_t writesOfACommit(const char* vfs) {
        const std::string path = folder_ + (vfs != nullptr ? "/ours.db" : "/plain.db");
        Base base(path, vfs);
        base.run("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)");
        base.run(rowsOfSize(40, 2'000));
        const auto before = writesOfThisProcess();
        base.run(rowsOfSize(40, 2'000));
        return writesOfThisProcess() - before;
    }
    /// One, and what a sanitizer writes for itself meanwhile, against two a frame.
    void aCommitIsFewWrites() {
        const auto ours = writesOfACommit(logVfs()), plain = writesOfACommit(nullptr);
        CPPUNIT_ASSERT_MESSAGE(std::to_string(ours) + " against " + std::to_string(plain), ours * 4 <= plain && plain >= 40);
    }
    void aCommitLongerThanAllThatIsKept() {
        Base ours(path_, logVfs());
        // With so small a cache its pages go to the log, and are read from there, before the commit.
        ours.run("PRAGMA cache_size = 10; CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB); BEGIN");
        ours.run(rowsOfSize(1'000, 3'000));
        ours.run("UPDATE t SET body = zeroblob(3000) WHERE id % 2 = 0");
        CPPUNIT_ASSERT_EQUAL(std::string("1000"), ours.text("SELECT count(*) FROM t WHERE length(body) = 3000"));
        Base others(path_, nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string("0"), others.text("SELECT count(*) FROM t"));
        ours.run("COMMIT");
        CPPUNIT_ASSERT_EQUAL(std::string("500"), others.text("SELECT count(*) FROM t WHERE body = zeroblob(3000)"));
        ours.run("PRAGMA wal_checkpoint(TRUNCATE)");
        CPPUNIT_ASSERT_EQUAL(std::string("ok"), others.text("PRAGMA integrity_check"));
    }
    void whatWasRolledBackIsGone() {
        Base ours(path_, logVfs());
        ours.run("PRAGMA cache_size = 10; CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB); BEGIN");
        ours.run(rowsOfSize(400, 3'000));
        ours.run("ROLLBACK");
        ours.run(rowsOfSize(2, 100));
        Base others(path_, nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string("2"), others.text("SELECT count(*) FROM t"));
        CPPUNIT_ASSERT_EQUAL(std::string("ok"), others.text("PRAGMA integrity_check"));
    }
    void aLogThatCannotGrowFailsTheCommit() {
        Base ours(path_, logVfs());
        ours.run("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)");
        ours.run(rowsOfSize(5, 1'000));
        Base others(path_, nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string("5"), others.text("SELECT count(*) FROM t"));
        const auto handler = std::signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        getrlimit(RLIMIT_FSIZE, &before);
        const rlimit tight{std::filesystem::file_size(path_ + "-wal") + 5'000, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &tight);
        const int rc = ours.tryToRun(rowsOfSize(20, 3'000));
        setrlimit(RLIMIT_FSIZE, &before);
        std::signal(SIGXFSZ, handler);
        CPPUNIT_ASSERT(rc != SQLITE_OK);
        CPPUNIT_ASSERT_EQUAL(std::string("5"), others.text("SELECT count(*) FROM t"));
        ours.run(rowsOfSize(20, 3'000));
        CPPUNIT_ASSERT_EQUAL(std::string("25"), others.text("SELECT count(*) FROM t"));
        CPPUNIT_ASSERT_EQUAL(std::string("ok"), others.text("PRAGMA integrity_check"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LogVfsTest);

}  // namespace
}  // namespace agentidp::storage_sqlite
