#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "sql/ddl.h"
#include "sql/plan.h"
#include "sql/postgres_dialect.h"
#include "sql/shape.h"
#include "sql/sqlite_dialect.h"

namespace agentidp::tests {
namespace {

using namespace sql;

std::string textOf(const std::string& file) {
    std::ifstream in(std::string(AGENTIDP_SOURCE_DIR) + "/" + file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

aip_str str(std::string_view text) { return {text.data(), text.size()}; }
aip_value value(std::int64_t number) { return {AIP_V_INT, 0, number, {nullptr, 0}}; }
aip_value value(std::string_view text) { return {AIP_V_TEXT, 0, 0, str(text)}; }

/// An operation and what it points at.
struct Operation {
    explicit Operation(std::uint32_t code, std::string_view table) {
        op.size = sizeof op;
        op.code = code;
        op.table = str(table);
        op.limit = 10;
        op.expect = -1;
    }
    Operation& set(std::string_view column, aip_value to, std::uint32_t mode = AIP_SET) {
        return sets.push_back({str(column), mode, 0, to}), *this;
    }
    Operation& where(std::string_view column, std::uint32_t compare, std::vector<aip_value> with) {
        values.push_back(std::move(with));
        wheres.push_back({str(column), compare, 0, nullptr});
        return *this;
    }
    Operation& column(std::string_view name) { return columns.push_back(str(name)), *this; }
    Operation& order(std::string_view name, std::uint32_t descending = 0) { return orders.push_back({str(name), descending, 0}), *this; }
    Operation& after(aip_value last) { return afters.push_back(last), *this; }
    const aip_op& get() {
        for (std::size_t i = 0; i < wheres.size(); ++i) {
            wheres[i].values = values[i].data();
            wheres[i].values_n = static_cast<std::uint32_t>(values[i].size());
        }
        op.set = sets.data(), op.set_n = sets.size();
        op.where = wheres.data(), op.where_n = wheres.size();
        op.columns = columns.data(), op.columns_n = columns.size();
        op.order = orders.data(), op.order_n = orders.size();
        op.after = afters.data(), op.after_n = afters.size();
        return op;
    }
    aip_op op{};
    std::vector<aip_assign> sets;
    std::vector<aip_where> wheres;
    std::vector<std::vector<aip_value>> values;
    std::vector<aip_str> columns;
    std::vector<aip_order> orders;
    std::vector<aip_value> afters;
};

class SqlTest final : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SqlTest);
    CPPUNIT_TEST(checkedInSqlIsWhatDatabasesAreGiven);
    CPPUNIT_TEST(stepsOfTheTreeAreNumberedAndHaveChecksums);
    CPPUNIT_TEST(makesTheViewsItHasSqlFor);
    CPPUNIT_TEST(checksumIgnoresWhiteSpaceAndOrderOfMembers);
    CPPUNIT_TEST(refusesMalformedSchemas);
    CPPUNIT_TEST(writesTheStatementOfEachOperation);
    CPPUNIT_TEST(writesWhatPostgresqlNeeds);
    CPPUNIT_TEST(cursorServesAnIndexWhereBothColumnsGoTheSameWay);
    CPPUNIT_TEST(sameShapeMeansSameStatement);
    CPPUNIT_TEST(otherShapesAreOtherKeys);
    CPPUNIT_TEST(keyCannotBeForgedByNames);
    CPPUNIT_TEST(refusesOperationsOutOfBounds);
    CPPUNIT_TEST(endOfPrefixIsAboveEveryTextWithIt);
    CPPUNIT_TEST(textIsUtf8WithoutNul);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        auto steps = parseSchema(textOf("migrations/schema.json"));
        CPPUNIT_ASSERT_MESSAGE(steps.ok() ? "" : steps.fail().detail, steps.ok());
        steps_ = *steps;
        catalog_ = Catalog();
        for (const auto& step : steps_) CPPUNIT_ASSERT(catalog_.add(step).ok());
    }

    /// After a new step: run this suite with AGENTIDP_WRITE_MIGRATIONS=1 once, and read what it wrote.
    void checkedInSqlIsWhatDatabasesAreGiven() {
        checkedInSqlIs("sqlite", SqliteDialect());
        checkedInSqlIs("postgresql", PostgresDialect("agentidp"));
    }
    void checkedInSqlIs(const std::string& database, const Dialect& dialect) {
        Catalog before;
        for (const auto& step : steps_) {
            const std::string emitted = asFile(statementsOf(step, before, dialect));
            const std::string number = std::to_string(step.number);
            const std::string name = "migrations/" + database + "/" + std::string(3 - std::min<std::size_t>(3, number.size()), '0') +
                                     number + "_" + step.name + ".sql";
            if (std::getenv("AGENTIDP_WRITE_MIGRATIONS") != nullptr)
                std::ofstream(std::string(AGENTIDP_SOURCE_DIR) + "/" + name) << emitted;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, emitted, textOf(name));
            CPPUNIT_ASSERT(before.add(step).ok());
        }
    }

    void stepsOfTheTreeAreNumberedAndHaveChecksums() {
        CPPUNIT_ASSERT(!steps_.empty());
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            CPPUNIT_ASSERT_EQUAL(static_cast<std::int64_t>(i) + 1, steps_[i].number);
            CPPUNIT_ASSERT_EQUAL(std::size_t{64}, steps_[i].checksum.size());
            const auto again = parseStep(steps_[i].text);
            CPPUNIT_ASSERT(again.ok());
            CPPUNIT_ASSERT_EQUAL(steps_[i].checksum, again->checksum);
        }
    }

    void makesTheViewsItHasSqlFor() {
        const auto step = parseStep(R"({"number":9,"name":"views","views":["oidc_keys","of_a_later_release"]})");
        CPPUNIT_ASSERT(step.ok());
        const SqliteDialect sqlite;
        const PostgresDialect postgres("ours");
        for (const Dialect* dialect : std::initializer_list<const Dialect*>{&sqlite, &postgres}) {
            const auto statements = statementsOf(*step, catalog_, *dialect);
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, statements.size());
            CPPUNIT_ASSERT(statements[0].rfind("CREATE VIEW ", 0) == 0);
        }
        CPPUNIT_ASSERT(!parseStep(R"({"number":9,"name":"views","views":["a b"]})").ok());
    }

    void checksumIgnoresWhiteSpaceAndOrderOfMembers() {
        const auto one = parseStep(R"({"number":1,"name":"a","tables":[]})");
        const auto two = parseStep("{ \"tables\": [ ],\n \"name\": \"a\", \"number\": 1 }");
        const auto other = parseStep(R"({"number":1,"name":"b","tables":[]})");
        CPPUNIT_ASSERT(one.ok() && two.ok() && other.ok());
        CPPUNIT_ASSERT_EQUAL(one->checksum, two->checksum);
        CPPUNIT_ASSERT(one->checksum != other->checksum);
    }

    void refusesMalformedSchemas() {
        const std::string table = R"({"name":"t","columns":[{"name":"a","type":"int"}],"primaryKey":["a"]})";
        const auto step = [](const std::string& tables, const std::string& more = "") {
            return R"({"steps":[{"number":1,"name":"s","tables":[)" + tables + "]" + more + "}]}";
        };
        CPPUNIT_ASSERT(parseSchema(step(table)).ok());
        for (const std::string& bad : {
                 std::string("{"),
                 std::string("[]"),
                 std::string("{}"),
                 std::string(R"({"steps":[{"number":2,"name":"s"}]})"),
                 step(table + "," + table),
                 step(R"({"name":"T","columns":[],"primaryKey":["a"]})"),
                 step(R"({"name":"t\"; --","columns":[{"name":"a","type":"int"}],"primaryKey":["a"]})"),
                 step(R"({"name":"t","columns":[{"name":"a","type":"real"}],"primaryKey":["a"]})"),
                 step(R"({"name":"t","columns":[{"name":"a","type":"int"}],"primaryKey":["b"]})"),
                 step(R"({"name":"t","columns":[{"name":"a","type":"int"}],"primaryKey":[]})"),
                 step(table, R"(,"addColumns":[{"table":"u","columns":[{"name":"b","type":"int","null":true}]}])"),
                 step(table, R"(,"addColumns":[{"table":"t","columns":[{"name":"b","type":"int"}]}])"),
                 step(table, R"(,"addColumns":[{"table":"t","columns":[{"name":"b","type":"int","default":"x"}]}])"),
                 step(table, R"(,"addIndexes":[{"table":"t","indexes":[["b"]]}])"),
             })
            CPPUNIT_ASSERT_MESSAGE(bad, !parseSchema(bad).ok());
    }

    void writesTheStatementOfEachOperation() {
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"(INSERT INTO "leases" ("name", "holder", "until") VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING)"),
            sqlOf(Operation(AIP_OP_INSERT, "leases").set("name", value("n")).set("holder", value("h")).set("until", {AIP_V_TIME, 0, 1, {}}),
                  AIP_CONFLICT_IGNORE));
        CPPUNIT_ASSERT_EQUAL(std::string(R"(UPDATE "audit_tip" SET "size" = "size" + ?1, "origin" = ?2 WHERE "id" = ?3)"),
                             sqlOf(Operation(AIP_OP_UPDATE, "audit_tip")
                                       .set("size", value(1), AIP_ADD)
                                       .set("origin", value("o"))
                                       .where("id", AIP_EQ, {value(1)})));
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"(DELETE FROM "agents" WHERE "num" IN (?1,?2,?3,?4) AND "email" IS NOT NULL)"),
            sqlOf(Operation(AIP_OP_REMOVE, "agents").where("num", AIP_IN, {value(1), value(2), value(3)}).where("email", AIP_NOTNULL, {})));
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"(SELECT "num", "email" FROM "agents" WHERE ("email" >= ?1 AND "email" < ?2) ORDER BY "num" DESC LIMIT ?3)"),
            sqlOf(
                Operation(AIP_OP_SELECT, "agents").column("num").column("email").where("email", AIP_PREFIX, {value("a")}).order("num", 1)));
        CPPUNIT_ASSERT_EQUAL(std::string(R"(SELECT count(*) FROM "agents" WHERE "num" >= ?1)"),
                             sqlOf(Operation(AIP_OP_COUNT, "agents").where("num", AIP_GE, {value(1)})));
    }

    void writesWhatPostgresqlNeeds() {
        const PostgresDialect dialect("ours");
        const auto sql = [&](Operation operation) { return planned(std::move(operation), AIP_CONFLICT_FAIL, dialect).sql; };
        // Nulls first where some can be, and silence where none can, so that the key's own index serves.
        CPPUNIT_ASSERT_EQUAL(
            std::string(
                R"(SELECT "num" FROM "ours"."agents" WHERE ("email" >= $1 AND starts_with("email", $1)) ORDER BY "num" DESC LIMIT $3)"),
            sql(Operation(AIP_OP_SELECT, "agents").column("num").where("email", AIP_PREFIX, {value("a")}).order("num", 1)));
        CPPUNIT_ASSERT_EQUAL(std::string(R"(SELECT "id" FROM "ours"."credentials" ORDER BY "expires_at" NULLS FIRST, "id" LIMIT $1)"),
                             sql(Operation(AIP_OP_SELECT, "credentials").column("id").order("expires_at").order("id")));
        // A replacing insert clears every unique value first.
        const auto replacing = planned(
            Operation(AIP_OP_INSERT, "leases").set("name", value("n")).set("holder", value("h")).set("until", {AIP_V_TIME, 0, 1, {}}),
            AIP_CONFLICT_REPLACE, dialect);
        CPPUNIT_ASSERT_EQUAL(std::string(R"(DELETE FROM "ours"."leases" WHERE ("name" = $1))"), replacing.before);
        CPPUNIT_ASSERT_EQUAL(std::string(R"(INSERT INTO "ours"."leases" ("name", "holder", "until") VALUES ($1, $2, $3))"), replacing.sql);
    }

    void cursorServesAnIndexWhereBothColumnsGoTheSameWay() {
        CPPUNIT_ASSERT_EQUAL(
            std::string(
                R"(SELECT "num" FROM "agents" WHERE ("organization_num", "num") > (?1, ?2) ORDER BY "organization_num", "num" LIMIT ?3)"),
            sqlOf(Operation(AIP_OP_SELECT, "agents").column("num").order("organization_num").order("num").after(value(1)).after(value(2))));
        CPPUNIT_ASSERT_EQUAL(
            std::string(
                R"(SELECT "num" FROM "agents" WHERE "organization_num" <= ?1 AND ("organization_num" < ?1 OR "num" > ?2) ORDER BY "organization_num" DESC, "num" LIMIT ?3)"),
            sqlOf(Operation(AIP_OP_SELECT, "agents")
                      .column("num")
                      .order("organization_num", 1)
                      .order("num")
                      .after(value(1))
                      .after(value(2))));
    }

    void sameShapeMeansSameStatement() {
        std::string one, two;
        shapeOf(Operation(AIP_OP_UPDATE, "agents").set("email", value("a")).where("num", AIP_IN, {value(1), value(2), value(3)}).get(),
                one);
        shapeOf(Operation(AIP_OP_UPDATE, "agents")
                    .set("email", value("b"))
                    .where("num", AIP_IN, {value(4), value(5), value(6), value(7)})
                    .get(),
                two);
        CPPUNIT_ASSERT(one == two);
    }

    void otherShapesAreOtherKeys() {
        std::set<std::string> keys;
        std::size_t n = 0;
        const auto add = [&](Operation operation) {
            std::string key;
            shapeOf(operation.get(), key);
            keys.insert(key);
            ++n;
        };
        add(Operation(AIP_OP_COUNT, "agents"));
        add(Operation(AIP_OP_REMOVE, "agents"));
        add(Operation(AIP_OP_COUNT, "agent"));
        add(Operation(AIP_OP_COUNT, "agents").where("num", AIP_EQ, {value(1)}));
        add(Operation(AIP_OP_COUNT, "agents").where("num", AIP_GT, {value(1)}));
        add(Operation(AIP_OP_COUNT, "agents").where("num", AIP_EQ, {value("1")}));
        add(Operation(AIP_OP_COUNT, "agents").where("num", AIP_NULL, {}));
        add(Operation(AIP_OP_COUNT, "agents").where("num", AIP_IN, {value(1)}));
        add(Operation(AIP_OP_COUNT, "agents").where("num", AIP_IN, {value(1), value(2)}));
        add(Operation(AIP_OP_SELECT, "agents").column("num"));
        add(Operation(AIP_OP_SELECT, "agents").column("num").order("num"));
        add(Operation(AIP_OP_SELECT, "agents").column("num").order("num", 1));
        add(Operation(AIP_OP_SELECT, "agents").column("num").order("num").after(value(1)));
        add(Operation(AIP_OP_SELECT, "agents").column("num").column("num"));
        add(Operation(AIP_OP_UPDATE, "agents").set("num", value(1)));
        add(Operation(AIP_OP_UPDATE, "agents").set("num", value(1), AIP_ADD));
        add(Operation(AIP_OP_UPDATE, "agents").set("num", {AIP_V_NULL, 0, 0, {}}));
        CPPUNIT_ASSERT_EQUAL(n, keys.size());
    }

    void keyCannotBeForgedByNames() {
        using std::string_literals::operator""s;
        std::string one, two;
        const std::string joined = "a\0\0\3\0\1\0b"s;
        shapeOf(Operation(AIP_OP_SELECT, "t").column("a").column("b").get(), one);
        shapeOf(Operation(AIP_OP_SELECT, "t").column(joined).get(), two);
        CPPUNIT_ASSERT(one != two);
    }

    void refusesOperationsOutOfBounds() {
        CPPUNIT_ASSERT(checkBounds(Operation(AIP_OP_SELECT, "t").column("a").get()).ok());
        Operation manyColumns(AIP_OP_SELECT, "t"), manySets(AIP_OP_UPDATE, "t"), manyConditions(AIP_OP_COUNT, "t");
        for (int i = 0; i < 65; ++i) manyColumns.column("a"), manySets.set("a", value(1));
        for (int i = 0; i < 17; ++i) manyConditions.where("a", AIP_EQ, {value(1)});
        Operation noLimit(AIP_OP_SELECT, "t"), unknownType(AIP_OP_UPDATE, "t"), noBytes(AIP_OP_UPDATE, "t");
        noLimit.column("a").op.limit = 0;
        unknownType.set("a", {99, 0, 0, {nullptr, 0}});
        noBytes.set("a", {AIP_V_TEXT, 0, 0, {nullptr, 5}});
        for (Operation* bad : {&manyColumns, &manySets, &manyConditions, &noLimit, &unknownType, &noBytes})
            CPPUNIT_ASSERT(!checkBounds(bad->get()).ok());
        CPPUNIT_ASSERT(!checkBounds(Operation(AIP_OP_COUNT, "t").where("a", 10, {value(1)}).get()).ok());
        CPPUNIT_ASSERT(!checkBounds(Operation(AIP_OP_COUNT, "t").where("a", AIP_IN, {value(1), value("1")}).get()).ok());
        CPPUNIT_ASSERT(!checkBounds(Operation(AIP_OP_COUNT, std::string(256, 't')).get()).ok());
    }

    void endOfPrefixIsAboveEveryTextWithIt() {
        std::string end;
        CPPUNIT_ASSERT(endOfPrefix("ab", end));
        CPPUNIT_ASSERT_EQUAL(std::string("ac"), end);
        CPPUNIT_ASSERT(endOfPrefix("a\xff\xff", end));
        CPPUNIT_ASSERT_EQUAL(std::string("b"), end);
        CPPUNIT_ASSERT(!endOfPrefix("", end));
        CPPUNIT_ASSERT(!endOfPrefix("\xff", end));
    }

    void textIsUtf8WithoutNul() {
        using std::string_literals::operator""s;
        for (const std::string& good :
             {""s, "plain ascii, longer than eight bytes"s, "\xc3\xa9"s, "\xe2\x82\xac"s, "12345678\xf0\x9f\x98\x80"s, "\xf4\x8f\xbf\xbf"s})
            CPPUNIT_ASSERT(wellFormed(value(good)));
        for (const std::string& bad :
             {"a\0b"s, "\xff"s, "\xc3"s, "\xc0\x80"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s, "\xe0\x80\x80"s, "12345678\x80"s})
            CPPUNIT_ASSERT(!wellFormed(value(bad)));
        CPPUNIT_ASSERT(!wellFormed(aip_value{AIP_V_BOOL, 0, 2, {nullptr, 0}}));
    }

private:
    std::string sqlOf(Operation operation, std::uint32_t onConflict = AIP_CONFLICT_FAIL) {
        return planned(std::move(operation), onConflict, SqliteDialect()).sql;
    }
    Plan planned(Operation operation, std::uint32_t onConflict, const Dialect& dialect) {
        operation.op.on_conflict = onConflict;
        const auto plan = planOf(operation.get(), catalog_, dialect);
        CPPUNIT_ASSERT_MESSAGE(plan.ok() ? "" : plan.fail().detail, plan.ok());
        return *plan;
    }

    std::vector<Step> steps_;
    Catalog catalog_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SqlTest);

}  // namespace
}  // namespace agentidp::tests
