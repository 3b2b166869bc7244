/// Everything of one storage in another, or nothing.
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <utility>

#include "audit/tip.h"
#include "cli/backup/store_copy.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_storage.h"

namespace agentidp::cli {
namespace {

constexpr std::string_view kSchema = R"({"steps":[
    {"number":1,"name":"first","tables":[
        {"name":"one","columns":[{"name":"id","type":"int"},{"name":"word","type":"text","null":true}],"primaryKey":["id"]},
        {"name":"two","columns":[{"name":"a","type":"text"},{"name":"b","type":"int"},{"name":"data","type":"bytes"}],"primaryKey":["a","b"]},
        {"name":"audit_tip","columns":[{"name":"id","type":"int"},{"name":"origin","type":"text"},{"name":"size","type":"int"},
          {"name":"root","type":"bytes"},{"name":"frontier","type":"bytes"},{"name":"chain_hash","type":"bytes"},
          {"name":"updated_at","type":"time"}],"primaryKey":["id"]},
        {"name":"three","columns":[{"name":"a","type":"text"},{"name":"b","type":"text"},{"name":"c","type":"int"}],"primaryKey":["a","b","c"]}]},
    {"number":2,"name":"second","addColumns":[{"table":"one","columns":[{"name":"late","type":"json","null":true}]}]}]})";

}  // namespace

class StoreCopyTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StoreCopyTest);
    CPPUNIT_TEST(copiesEveryRowOfEveryKey);
    CPPUNIT_TEST(refusesATargetWithRows);
    CPPUNIT_TEST(leavesNothingBehindAfterAnError);
    CPPUNIT_TEST(noticesThatTheOldStoreMoved);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock_;
    tests::FakeStorage from_{clock_}, to_{clock_};

    plugin::Call call() const { return plugin::callWithin(clock_, base::seconds(10)); }
    void commit(tests::FakeStorage& storage, const std::vector<plugin::Op>& ops) {
        plugin::Transaction tx;
        const auto done = storage.apply(tx, ops, plugin::ApplyMode::Commit, call());
        CPPUNIT_ASSERT_MESSAGE(done ? "" : done.error().detail, done.ok());
    }
    std::vector<plugin::Row> rows(tests::FakeStorage& storage, std::string_view table, std::vector<std::string_view> columns) {
        auto read = storage.read({plugin::select(table, std::move(columns), {}, 10'000)}, call());
        CPPUNIT_ASSERT(read.ok());
        return read->front().rows;
    }
    void same(std::string_view table, const std::vector<std::string_view>& columns) {
        const auto before = rows(from_, table, columns), after = rows(to_, table, columns);
        CPPUNIT_ASSERT(std::is_permutation(before.begin(), before.end(), after.begin(), after.end()));
    }
    auto copied(const std::function<void(const CopiedTable&)>& told = {}) { return copyStore(from_, to_, kSchema, clock_, told); }

public:
    void setUp() override {
        for (auto* storage : {&from_, &to_}) CPPUNIT_ASSERT(storage->migrate(kSchema, true, call()).ok());
        std::vector<plugin::Op> ops;
        for (std::int64_t id = 0; id < 1'234; ++id)
            ops.push_back(plugin::insertInto(
                "one",
                {{"id", id}, {"word", id % 2 == 0 ? plugin::Value(std::string("w")) : plugin::Value()}, {"late", plugin::JsonText{"{}"}}}));
        for (std::int64_t n = 0; n < 700; ++n)
            ops.push_back(plugin::insertInto("two", {{"a", std::string(n < 600 ? "x" : "y")}, {"b", n}, {"data", base::Bytes(3, 7)}}));
        for (std::int64_t n = 0; n < 1'100; ++n)
            ops.push_back(plugin::insertInto("three", {{"a", "a" + std::to_string(n % 3)}, {"b", std::string("b")}, {"c", n}}));
        commit(from_, ops);
    }

    void copiesEveryRowOfEveryKey() {
        const auto tables = copied();
        CPPUNIT_ASSERT_MESSAGE(tables ? "" : tables.error().hint, tables.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, tables->size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1'234}, tables->front().rows);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1'100}, tables->back().rows);
        same("one", {"id", "word", "late"});
        same("two", {"a", "b", "data"});
        same("three", {"a", "b", "c"});
    }

    void refusesATargetWithRows() {
        commit(to_, {plugin::insertInto("three", {{"a", std::string("z")}, {"b", std::string("b")}, {"c", std::int64_t{1}}})});
        const auto tables = copied();
        CPPUNIT_ASSERT(!tables.ok() && tables.error().code == base::Errc::Conflict);
        CPPUNIT_ASSERT(rows(to_, "one", {"id"}).empty());
    }

    void leavesNothingBehindAfterAnError() {
        to_.failNextCommit(base::Errc::Unavailable);
        CPPUNIT_ASSERT(!copied().ok());
        CPPUNIT_ASSERT(rows(to_, "one", {"id"}).empty());
        from_.setDown(true);
        CPPUNIT_ASSERT(!copied().ok());
        from_.setDown(false);
        CPPUNIT_ASSERT(copied().ok());
    }

    void noticesThatTheOldStoreMoved() {
        bool moved = false;
        const auto tables = copied([&](const CopiedTable&) {
            if (std::exchange(moved, true)) return;
            commit(from_, {audit::insertEmptyTip("agentidp/one", clock_.now())});
            commit(from_, {plugin::update("audit_tip", {{"size", std::int64_t{5}}}, {})});
        });
        CPPUNIT_ASSERT(!tables.ok());
        CPPUNIT_ASSERT(rows(to_, "one", {"id"}).empty());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(StoreCopyTest);

}  // namespace agentidp::cli
