#include "migration.h"

#include <sqlite3.h>

#include "failure.h"
#include "sql/ddl.h"
#include "sql/sqlite_dialect.h"
#include "sql/steps.h"

namespace agentidp::storage_sqlite {

namespace {

using Control = Connection::Control;

std::string textAt(sqlite3_stmt* statement, int column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
    return text == nullptr ? std::string() : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
}

aip::Status record(Connection& connection, const sql::Step& step, std::int64_t nowUs) {
    auto insert =
        connection.prepare("INSERT INTO schema_migrations (number, name, checksum, definition, applied_at) VALUES (?1, ?2, ?3, ?4, ?5)");
    if (!insert) return insert.fail();
    sqlite3_stmt* statement = insert->get();
    sqlite3_bind_int64(statement, 1, step.number);
    sqlite3_bind_text64(statement, 2, step.name.data(), step.name.size(), SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(statement, 3, step.checksum.data(), step.checksum.size(), SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(statement, 4, step.text.data(), step.text.size(), SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(statement, 5, nowUs);
    const int rc = sqlite3_step(statement);
    if (rc != SQLITE_DONE) return connection.failure(rc);
    return {};
}

/// Inside a write transaction: true if a step was applied, false if none is missing.
aip::Outcome<bool> applyNext(Connection& connection, const std::vector<sql::Step>& wanted, std::int64_t nowUs) {
    auto applied = appliedSteps(connection);
    if (!applied) return applied.fail();
    if (auto agreed = sql::agrees(*applied, wanted); !agreed) return agreed.fail();
    if (applied->size() == wanted.size()) return false;
    auto before = sql::catalogOf(*applied);
    if (!before) return before.fail();
    const sql::Step& next = wanted[applied->size()];
    for (const auto& statement : sql::statementsOf(next, *before, sql::SqliteDialect()))
        if (auto done = connection.run(statement); !done) return done.fail();
    if (auto recorded = record(connection, next, nowUs); !recorded) return recorded.fail();
    return true;
}

}  // namespace

aip::Outcome<std::vector<sql::Step>> appliedSteps(Connection& connection) {
    std::vector<sql::Step> steps;
    const auto exists = connection.number("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'");
    if (!exists) return exists.fail();
    if (*exists == 0) return steps;
    auto query = connection.prepare("SELECT number, checksum, definition FROM schema_migrations ORDER BY number");
    if (!query) return query.fail();
    int rc = SQLITE_OK;
    while ((rc = sqlite3_step(query->get())) == SQLITE_ROW) {
        const std::string checksum = textAt(query->get(), 1), definition = textAt(query->get(), 2);
        if (!sql::appendStep(steps, {sqlite3_column_int64(query->get(), 0), checksum, definition}))
            return damaged("the record of schema steps was changed", "schema_migrations");
    }
    if (rc != SQLITE_DONE) return connection.failure(rc);
    return steps;
}

aip::Status applyMissing(Connection& connection, const std::vector<sql::Step>& wanted, std::int64_t nowUs) {
    for (;;) {
        if (auto begun = connection.control(Control::BeginImmediate); !begun) return begun;
        const auto more = applyNext(connection, wanted, nowUs);
        aip::Status ended = more && *more ? connection.control(Control::Commit) : aip::Status();
        if (connection.inTransaction()) (void)connection.control(Control::Rollback);
        if (!more) return more.fail();
        if (!ended) return ended;
        if (!*more) return {};
    }
}

}  // namespace agentidp::storage_sqlite
