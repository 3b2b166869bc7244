#include "locks.h"

#include <libpq-fe.h>

#include <cstdint>

#include "sql/postgres_dialect.h"

namespace agentidp::storage_postgresql {

namespace {

/// FNV-1a: which of 2^64 advisory locks a name has. All replicas must agree, so it never changes.
std::int64_t numberOf(std::string_view schema, std::string_view name) {
    std::uint64_t hash = 14'695'981'039'346'656'037U;
    const auto mix = [&hash](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
    };
    mix("agentidp\n");
    mix(schema);
    mix("\n");
    mix(name);
    return static_cast<std::int64_t>(hash);
}

std::string lockTable(const std::string& schema) {
    std::string out;
    sql::PostgresDialect(schema).table(out, "row_locks");
    return out;
}

/// Writing the row waits for whoever wrote it, and keeps others waiting until this transaction ends.
std::string takeRow(const std::string& schema) {
    return "INSERT INTO " + lockTable(schema) + " (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name";
}

aip_value text(std::string_view value) { return {AIP_V_TEXT, 0, 0, aip::str(value)}; }

}  // namespace

aip::Status queueLock(Connection& connection, Locks kind, const std::string& schema, std::string_view name) {
    Parameters parameter;
    if (kind == Locks::Advisory) {
        parameter.addInteger(numberOf(schema, name));
        return connection.queue("SELECT pg_advisory_xact_lock($1)", &parameter);
    }
    if (!parameter.add(text(name))) return aip::invalid("the name of a lock is no text");
    return connection.queue(takeRow(schema), &parameter);
}

aip::Status makeLockTable(Connection& connection, const std::string& schema, const aip::Call& call) {
    Parameters name;
    (void)name.add(text(schema));
    // A role that may not make schemas may still use one that was made for it.
    auto there = connection.ask("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1", call, &name);
    if (!there) return there.fail();
    // Two that make the same thing at once: one of them is told that it exists, IF NOT EXISTS or not.
    const auto make = [&](const std::string& sql) -> aip::Status {
        auto made = connection.ask(sql, call);
        if (!made && made.fail().status == AIP_E_EXISTS) made = connection.ask(sql, call);
        return made ? aip::Status() : aip::Status(made.fail());
    };
    if (integerAt(there->get(), 0, 0) == 0)
        if (auto done = make("CREATE SCHEMA IF NOT EXISTS \"" + schema + "\""); !done) return done;
    return make("CREATE TABLE IF NOT EXISTS " + lockTable(schema) + " (name text PRIMARY KEY)");
}

aip::Outcome<bool> tryMigrationLock(Connection& connection, Locks kind, const std::string& schema, const aip::Call& call) {
    const std::string lock = "agentidp migrate " + schema;
    Parameters name;
    (void)name.add(text(lock));
    if (kind == Locks::Rows) {
        auto taken = connection.ask(takeRow(schema), call, &name);
        if (!taken && taken.fail().status == AIP_E_CONFLICT) return false;
        if (!taken) return taken.fail();
        return true;
    }
    auto got = connection.ask("SELECT CASE WHEN pg_try_advisory_xact_lock(hashtextextended($1, 0)) THEN 1::bigint ELSE 0 END", call, &name);
    if (!got) return got.fail();
    return integerAt(got->get(), 0, 0) != 0;
}

}  // namespace agentidp::storage_postgresql
