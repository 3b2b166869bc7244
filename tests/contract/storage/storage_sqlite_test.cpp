/// storage-sqlite through the kernel's loader: the contract, and what only a file can get wrong.
#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "naughty_texts.h"
#include "plugin/contract/storage_contract.h"
#include "support/contract_suite.h"
#include "support/loaded_plugin.h"
#include "support/temporary_folder.h"

namespace agentidp::tests {
namespace {

using namespace plugin;
using plugin::contract::StorageSubject;

/// A loaded plugin over a folder of its own, or over one that is handed in.
struct Loaded {
    explicit Loaded(const base::Clock& clock) : own(std::make_unique<TemporaryFolder>()), plugin(clock, settings(), own->path().string()) {}
    Loaded(const base::Clock& clock, const TemporaryFolder& folder) : plugin(clock, settings(), folder.path().string()) {}
    static Wanted settings() { return wanted(AIP_KIND_STORAGE, "sqlite", {}); }
    Storage& storage() { return plugin.catalog().storage(); }

    std::unique_ptr<TemporaryFolder> own;
    LoadedPlugin plugin;
};

class StorageSqliteBench {
public:
    StorageSubject& subject() { return subject_; }

private:
    std::shared_ptr<Storage> fresh() {
        auto loaded = std::make_shared<Loaded>(clock_);
        return {loaded, &loaded->storage()};
    }
    base::SystemClock clock_;
    StorageSubject subject_{clock_, [this] { return fresh(); }, naughtyTexts()};
};

const RegisterContract<StorageSqliteBench, StorageSubject> kSqlite("storage_sqlite", plugin::contract::storageContract());

constexpr std::string_view kSchema = R"({"steps":[{"number":1,"name":"one","tables":[
    {"name":"notes","columns":[{"name":"id","type":"int"},{"name":"text","type":"text"}],"primaryKey":["id"]}]}]})";

class StorageSqliteFileTest final : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StorageSqliteFileTest);
    CPPUNIT_TEST(startsWithoutMakingTheFile);
    CPPUNIT_TEST(tellsPendingStepsWithoutMakingTheFile);
    CPPUNIT_TEST(makesTheFileForItsOwnerOnly);
    CPPUNIT_TEST(keepsEverythingOverARestart);
    CPPUNIT_TEST(knowsItsTablesWithoutBeingTold);
    CPPUNIT_TEST(refusesAFileThatIsNoDatabaseAndLeavesItAlone);
    CPPUNIT_TEST(refusesADatabaseWithADamagedPageAndLeavesItAlone);
    CPPUNIT_TEST(refusesADatabaseThatWasCutShort);
    CPPUNIT_TEST(refusesTheDatabaseOfAnotherProgram);
    CPPUNIT_TEST(refusesALinkInPlaceOfTheFile);
    CPPUNIT_TEST(refusesALogWithoutItsDatabase);
    CPPUNIT_TEST(twoInstancesOnOneFileLoseNothing);
    CPPUNIT_TEST(stopsALongReadAtItsDeadline);
    CPPUNIT_TEST(isUnhealthyWhenTheFileIsGone);
    CPPUNIT_TEST(naughtyTextsAreThere);
    CPPUNIT_TEST_SUITE_END();

public:
    void startsWithoutMakingTheFile() {
        Loaded loaded(clock_, folder_);
        CPPUNIT_ASSERT(loaded.storage().health(call()).ok());
        const auto read = loaded.storage().read({count("notes", {})}, call());
        CPPUNIT_ASSERT(!read.ok());
        CPPUNIT_ASSERT(read.error().code == base::Errc::Unavailable);
        CPPUNIT_ASSERT(!std::filesystem::exists(file()));
    }

    void tellsPendingStepsWithoutMakingTheFile() {
        Loaded loaded(clock_, folder_);
        const auto told = loaded.storage().migrate(kSchema, false, call());
        CPPUNIT_ASSERT(told.ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, told->current);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, told->pending.size());
        CPPUNIT_ASSERT(!std::filesystem::exists(file()));
    }

    void makesTheFileForItsOwnerOnly() {
        Loaded loaded(clock_, folder_);
        fill(loaded.storage(), 1);
        for (const char* suffix : {"", "-wal", "-shm"}) {
            struct stat facts {};
            CPPUNIT_ASSERT_EQUAL(0, ::stat((file() + suffix).c_str(), &facts));
            CPPUNIT_ASSERT_EQUAL(0600U, static_cast<unsigned>(facts.st_mode & 07777U));
        }
    }

    void keepsEverythingOverARestart() {
        Loaded loaded(clock_, folder_);
        fill(loaded.storage(), 100);
        CPPUNIT_ASSERT(loaded.plugin.start().ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{100}, notes(loaded.storage()));
    }

    void knowsItsTablesWithoutBeingTold() {
        { fill(Loaded(clock_, folder_).storage(), 3); }
        Loaded again(clock_, folder_);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, notes(again.storage()));
    }

    void refusesAFileThatIsNoDatabaseAndLeavesItAlone() {
        std::ofstream(file()) << std::string(20'000, 'x');
        refusesToStart("is damaged (not a database)");
    }

    void refusesADatabaseWithADamagedPageAndLeavesItAlone() {
        { fill(Loaded(clock_, folder_).storage(), 200); }
        {
            std::fstream damage(file(), std::ios::in | std::ios::out | std::ios::binary);
            damage.seekp(4'096 * 2);
            damage << std::string(4'096 * 2, '\x5a');
        }
        refusesToStart("is damaged (malformed page)");
    }

    void refusesADatabaseThatWasCutShort() {
        { fill(Loaded(clock_, folder_).storage(), 200); }
        std::filesystem::resize_file(file(), 8'192);
        refusesToStart("is damaged (shorter than it says)");
    }

    void refusesTheDatabaseOfAnotherProgram() {
        { fill(Loaded(clock_, folder_).storage(), 1); }
        {
            std::fstream other(file(), std::ios::in | std::ios::out | std::ios::binary);
            other.seekp(68);
            other << "OTHR";
        }
        refusesToStart("belongs to another program");
    }

    void refusesALinkInPlaceOfTheFile() {
        { fill(Loaded(clock_, folder_).storage(), 1); }
        std::filesystem::rename(file(), file() + ".real");
        std::filesystem::create_symlink(file() + ".real", file());
        refusesToStart("not a regular file");
    }

    void refusesALogWithoutItsDatabase() {
        std::ofstream(file() + "-wal") << std::string(5'000, 'x');
        Loaded loaded(clock_, folder_);
        const auto migrated = loaded.storage().migrate(kSchema, true, call());
        CPPUNIT_ASSERT(!migrated.ok());
        CPPUNIT_ASSERT(migrated.error().code == base::Errc::Conflict);
        CPPUNIT_ASSERT(!std::filesystem::exists(file()));
    }

    void twoInstancesOnOneFileLoseNothing() {
        Loaded one(clock_, folder_);
        fill(one.storage(), 1);
        Loaded two(clock_, folder_);
        std::atomic<int> failed{0};
        const auto work = [&](Storage& storage, std::int64_t from) {
            for (std::int64_t id = from; id < from + 50; ++id) {
                Transaction none;
                if (!storage.apply(none, {insertInto("notes", {{"id", id}, {"text", "n"}})}, ApplyMode::Commit, call()).ok()) ++failed;
            }
        };
        std::thread first([&] { work(one.storage(), 1'000); });
        std::thread second([&] { work(two.storage(), 2'000); });
        first.join();
        second.join();
        CPPUNIT_ASSERT_EQUAL(0, failed.load());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{101}, notes(one.storage()));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{101}, notes(two.storage()));
    }

    void stopsALongReadAtItsDeadline() {
        Loaded loaded(clock_, folder_);
        fill(loaded.storage(), 60'000);
        std::vector<Where> slow(16, Where{"text", Compare::Ne, {std::string(200, 'z')}});
        const auto late = loaded.storage().read({count("notes", slow), count("notes", slow), count("notes", slow), count("notes", slow)},
                                                callWithin(clock_, base::milliseconds(3)));
        CPPUNIT_ASSERT(!late.ok());
        CPPUNIT_ASSERT(late.error().code == base::Errc::Deadline);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{60'000}, notes(loaded.storage()));
    }

    void isUnhealthyWhenTheFileIsGone() {
        Loaded loaded(clock_, folder_);
        fill(loaded.storage(), 1);
        CPPUNIT_ASSERT(loaded.storage().health(call()).ok());
        std::filesystem::rename(file(), file() + ".gone");
        const auto health = loaded.storage().health(call());
        CPPUNIT_ASSERT(!health.ok());
        CPPUNIT_ASSERT(health.error().code == base::Errc::Unavailable);
    }

    void naughtyTextsAreThere() {
        if (vectorsFolder().empty()) return skip("the shared vectors are absent, so the naughty strings were not stored");
        CPPUNIT_ASSERT(naughtyTexts().size() > 400);
    }

private:
    [[nodiscard]] std::string file() const { return folder_ / "agentidp.db"; }
    [[nodiscard]] Call call() const { return callWithin(clock_, base::seconds(20)); }

    void fill(Storage& storage, std::int64_t rows) {
        const auto migrated = storage.migrate(kSchema, true, call());
        CPPUNIT_ASSERT_MESSAGE(migrated.ok() ? "" : migrated.error().hint + migrated.error().detail, migrated.ok());
        std::vector<Op> ops;
        for (std::int64_t id = 0; id < rows; ++id) ops.push_back(insertInto("notes", {{"id", id}, {"text", std::string(200, 'n')}}));
        Transaction none;
        CPPUNIT_ASSERT(storage.apply(none, ops, ApplyMode::Commit, call()).ok());
    }

    std::int64_t notes(Storage& storage) {
        const auto counted = storage.read({count("notes", {})}, call());
        return counted.ok() ? counted->at(0).count : -1;
    }

    void refusesToStart(const std::string& because) {
        const std::string before = contents();
        std::string said;
        try {
            Loaded loaded(clock_, folder_);
        } catch (const std::runtime_error& refused) {
            said = refused.what();
        }
        CPPUNIT_ASSERT_MESSAGE("it said: " + said, said.find(because) != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE("a refused file was changed", before == contents());
    }

    [[nodiscard]] std::string contents() const {
        std::ifstream in(file(), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }

    base::SystemClock clock_;
    TemporaryFolder folder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(StorageSqliteFileTest);

}  // namespace
}  // namespace agentidp::tests
