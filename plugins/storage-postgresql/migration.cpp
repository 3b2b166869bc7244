#include "migration.h"

#include <libpq-fe.h>

#include <chrono>
#include <thread>

#include "failure.h"
#include "sql/ddl.h"
#include "sql/postgres_dialect.h"
#include "sql/steps.h"

namespace agentidp::storage_postgresql {

namespace {

std::string qualified(const std::string& schema, std::string_view table) {
    std::string out;
    sql::PostgresDialect(schema).table(out, table);
    return out;
}

std::string_view textAt(const pg_result* result, int row, int column) {
    return {PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))};
}

aip_value text(std::string_view value) { return {AIP_V_TEXT, 0, 0, aip::str(value)}; }

aip::Outcome<bool> yes(Connection& connection, const std::string& sql, std::string_view first, std::string_view second,
                       const aip::Call& call) {
    Parameters names;
    (void)names.add(text(first));
    if (!second.empty()) (void)names.add(text(second));
    auto told = connection.ask(sql, call, &names);
    if (!told) return told.fail();
    return integerAt(told->get(), 0, 0) != 0;
}

/// Inside a transaction that holds the lock: true if a step was applied, false if none is missing.
aip::Outcome<bool> applyNext(Connection& connection, const std::string& schema, const std::vector<sql::Step>& wanted, std::int64_t nowUs,
                             const aip::Call& call) {
    auto applied = appliedSteps(connection, schema, call);
    if (!applied) return applied.fail();
    if (auto agreed = sql::agrees(*applied, wanted); !agreed) return agreed.fail();
    if (applied->size() == wanted.size()) return false;
    auto before = sql::catalogOf(*applied);
    if (!before) return before.fail();
    if (auto done = applyStep(connection, schema, wanted[applied->size()], *before, nowUs, call); !done) return done.fail();
    return true;
}

}  // namespace

aip::Outcome<std::vector<sql::Step>> appliedSteps(Connection& connection, const std::string& schema, const aip::Call& call) {
    std::vector<sql::Step> steps;
    auto exists = yes(connection, "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2", schema,
                      "schema_migrations", call);
    if (!exists) return exists.fail();
    if (!*exists) return steps;
    auto rows =
        connection.ask("SELECT number, checksum, definition FROM " + qualified(schema, "schema_migrations") + " ORDER BY number", call);
    if (!rows) return rows.fail();
    for (int row = 0; row < PQntuples(rows->get()); ++row)
        if (!sql::appendStep(steps, {integerAt(rows->get(), row, 0), textAt(rows->get(), row, 1), textAt(rows->get(), row, 2)}))
            return aip::unavailable("the record of schema steps was changed", qualified(schema, "schema_migrations"));
    return steps;
}

aip::Status applyStep(Connection& connection, const std::string& schema, const sql::Step& step, const sql::Catalog& before,
                      std::int64_t nowUs, const aip::Call& call) {
    // A role that may not make schemas may still use one that was made for it.
    auto there = yes(connection, "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1", schema, {}, call);
    if (!there) return there.fail();
    for (const auto& statement : sql::statementsOf(step, before, sql::PostgresDialect(schema))) {
        if (*there && statement.rfind("CREATE SCHEMA", 0) == 0) continue;
        if (auto done = connection.ask(statement, call); !done) return done.fail();
    }
    Parameters row;
    row.addInteger(step.number);
    (void)row.add(text(step.name));
    (void)row.add(text(step.checksum));
    (void)row.add(text(step.text));
    if (!row.add({AIP_V_TIME, 0, nowUs, {nullptr, 0}})) return aip::internal("a clock beyond all calendars");
    auto recorded = connection.ask("INSERT INTO " + qualified(schema, "schema_migrations") +
                                       " (number, name, checksum, definition, applied_at) VALUES ($1, $2, $3, $4, $5)",
                                   call, &row);
    return recorded ? aip::Status() : aip::Status(recorded.fail());
}

aip::Status applyMissing(Connection& connection, const MigratedSchema& schema, const std::vector<sql::Step>& wanted, std::int64_t nowUs,
                         const aip::Call& call) {
    for (;;) {
        for (const std::string& sql : {std::string("BEGIN"), std::string("SET LOCAL lock_timeout = '2s'")})
            if (auto done = connection.ask(sql, call); !done) return done.fail();
        auto mine = tryMigrationLock(connection, schema.locks, schema.name, call);
        aip::Outcome<bool> more = mine && *mine ? applyNext(connection, schema.name, wanted, nowUs, call) : mine;
        if (connection.broken())
            return more ? aip::Status(aip::unavailable("the PostgreSQL server does not answer")) : aip::Status(more.fail());
        auto ended = connection.ask(more && *more ? "COMMIT" : "ROLLBACK", call);
        if (!more) return more.fail();
        if (!ended) return ended.fail();
        if (*more) continue;
        if (*mine) return {};
        // Another replica may be at it for longer than a table lock may be waited for.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        if (auto waited = call.check(); !waited) return waited;
    }
}

}  // namespace agentidp::storage_postgresql
