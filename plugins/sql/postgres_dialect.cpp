#include "sql/postgres_dialect.h"

#include <algorithm>

namespace agentidp::sql {

namespace {

std::string_view typeOf(std::uint32_t type) {
    switch (type) {
        case AIP_V_BOOL: return " boolean";
        case AIP_V_INT: return " bigint";
        case AIP_V_BYTES: return " bytea";
        case AIP_V_TIME: return " timestamptz";
        case AIP_V_JSON: return " jsonb";
        default: return " text COLLATE \"C\"";
    }
}

}  // namespace

void PostgresDialect::table(std::string& out, std::string_view name) const {
    quoted(out, schema_);
    out.push_back('.');
    quoted(out, name);
}

void PostgresDialect::placeholder(std::string& out, std::size_t n) const { out.append("$").append(std::to_string(n)); }

void PostgresDialect::insertHead(std::string& out, std::uint32_t) const { out += "INSERT INTO "; }

void PostgresDialect::insertTail(std::string& out, const Table&, std::uint32_t conflict) const {
    if (conflict == AIP_CONFLICT_IGNORE) out += " ON CONFLICT DO NOTHING";
}

/// ON CONFLICT DO UPDATE knows one constraint, and a table may have several.
std::string PostgresDialect::clearing(const Table& into, const std::vector<Assigned>& assigned) const {
    std::string conditions;
    const auto holds = [&](const std::vector<std::string>& columns) {
        std::string all;
        for (const auto& name : columns) {
            const auto at = std::find_if(assigned.begin(), assigned.end(), [&](const Assigned& one) { return one.column == name; });
            if (at == assigned.end()) return;
            if (!all.empty()) all += " AND ";
            quoted(all, name);
            all += " = ";
            placeholder(all, at->parameter);
        }
        conditions.append(conditions.empty() ? "" : " OR ").append("(").append(all).append(")");
    };
    holds(into.key);
    for (const auto& index : into.indexes)
        if (index.kind == Index::Kind::Unique) holds(index.columns);
    if (conditions.empty()) return {};
    std::string out = "DELETE FROM ";
    table(out, into.name);
    return out + " WHERE " + conditions;
}

/// The bound end of the range serves databases without starts_with; here it may cut a character in two, which no text may.
void PostgresDialect::prefix(std::string& out, std::string_view column, std::size_t from, std::size_t) const {
    out.push_back('(');
    quoted(out, column);
    out += " >= ";
    placeholder(out, from);
    out += " AND starts_with(";
    quoted(out, column);
    out += ", ";
    placeholder(out, from);
    out += "))";
}

/// Silent where no null can be, so that any index serves.
void PostgresDialect::direction(std::string& out, const Column& column, bool descending) const {
    if (descending) out += " DESC";
    if (column.nullable) out += descending ? " NULLS LAST" : " NULLS FIRST";
}

void PostgresDialect::column(std::string& out, const Table&, const Column& column) const {
    quoted(out, column.name);
    out += typeOf(column.type);
    if (!column.nullable) out += " NOT NULL";
    if (column.defaultLiteral.empty()) return;
    out += " DEFAULT ";
    if (column.type == AIP_V_BOOL)
        out += column.defaultLiteral == "1" ? "true" : "false";
    else
        out += column.defaultLiteral;
}

void PostgresDialect::tableTail(std::string& out, const Table& table) const {
    out += ",\n    PRIMARY KEY (";
    for (std::size_t i = 0; i < table.key.size(); ++i) {
        if (i != 0) out += ", ";
        quoted(out, table.key[i]);
    }
    out += ")\n)";
}

void PostgresDialect::indexed(std::string& out, const Column& column) const {
    if (column.nullable) out += " NULLS FIRST";
}

/// jsonb holds no NUL, which an entry may.
std::string PostgresDialect::view(std::string_view name) const {
    const auto at = [this](std::string_view table_) {
        std::string out;
        table(out, table_);
        return out;
    };
    if (name == "audit_events")
        return "SELECT (b.entry ->> 'eventId')::uuid AS event_id, coalesce(nullif(b.entry ->> 'agentId', ''), a.id) AS agent_id,\n"
               "    coalesce(nullif(b.entry ->> 'orgId', ''), o.id) AS organization_id, b.entry ->> 'action' AS action,\n"
               "    CASE e.outcome WHEN 0 THEN 'success' ELSE 'failure' END AS outcome, b.entry ->> 'ip' AS ip_address,\n"
               "    b.entry ->> 'userAgent' AS user_agent, b.entry -> 'metadata' AS metadata, e.ts AS \"timestamp\",\n"
               "    encode(e.chain_hash, 'hex') AS hash, coalesce(encode(p.chain_hash, 'hex'), repeat('0', 64)) AS previous_hash,\n"
               "    e.idx AS ledger_index\n"
               "FROM " +
               at("audit_entries") +
               " e\n"
               "CROSS JOIN LATERAL (SELECT replace(convert_from(e.body, 'UTF8'), '\\u0000', '\\ufffd')::jsonb AS entry) b\n"
               "LEFT JOIN " +
               at("audit_entries") + " p ON p.idx = e.idx - 1\nLEFT JOIN " + at("agents") + " a ON a.num = e.agent_num\nLEFT JOIN " +
               at("organizations") + " o ON o.num = e.organization_num";
    if (name == "oidc_keys")
        return "SELECT kid, alg AS algorithm, public_jwk AS public_key, state = 'active' AS is_current, state AS status, compromised,\n"
               "    created_at, published_at, activated_at, retiring_at, gone_at\nFROM " +
               at("signing_keys");
    return {};
}

std::vector<std::string> PostgresDialect::bookkeeping() const {
    std::string schema = "CREATE SCHEMA IF NOT EXISTS ";
    quoted(schema, schema_);
    std::string record = "CREATE TABLE IF NOT EXISTS ";
    table(record, "schema_migrations");
    record +=
        " (\n"
        "    \"number\" bigint PRIMARY KEY,\n"
        "    \"name\" text NOT NULL,\n"
        "    \"checksum\" text NOT NULL,\n"
        "    \"definition\" text NOT NULL,\n"
        "    \"applied_at\" timestamptz NOT NULL\n"
        ")";
    return {std::move(schema), std::move(record)};
}

}  // namespace agentidp::sql
