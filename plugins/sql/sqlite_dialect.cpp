#include "sql/sqlite_dialect.h"

#include <algorithm>

namespace agentidp::sql {

void SqliteDialect::placeholder(std::string& out, std::size_t n) const { out.append("?").append(std::to_string(n)); }

void SqliteDialect::insertHead(std::string& out, std::uint32_t conflict) const {
    out += conflict == AIP_CONFLICT_REPLACE ? "INSERT OR REPLACE INTO " : "INSERT INTO ";
}

void SqliteDialect::insertTail(std::string& out, const Table&, std::uint32_t conflict) const {
    // Not INSERT OR IGNORE: that would also swallow NOT NULL and CHECK failures.
    if (conflict == AIP_CONFLICT_IGNORE) out += " ON CONFLICT DO NOTHING";
}

void SqliteDialect::prefix(std::string& out, std::string_view column, std::size_t from, std::size_t end) const {
    out.push_back('(');
    quoted(out, column);
    out += " >= ";
    placeholder(out, from);
    out += " AND ";
    quoted(out, column);
    out += " < ";
    placeholder(out, end);
    out.push_back(')');
}

void SqliteDialect::direction(std::string& out, const Column&, bool descending) const {
    if (descending) out += " DESC";
}

void SqliteDialect::column(std::string& out, const Table& table, const Column& column) const {
    quoted(out, column.name);
    const bool text = column.type == AIP_V_TEXT || column.type == AIP_V_JSON;
    out += text ? " TEXT" : (column.type == AIP_V_BYTES ? " BLOB" : " INTEGER");
    if (&column == table.integerKey()) {
        out += " PRIMARY KEY";
        return;
    }
    if (!column.nullable) out += " NOT NULL";
    if (!column.defaultLiteral.empty()) out.append(" DEFAULT ").append(column.defaultLiteral);
    if (column.type != AIP_V_JSON && column.type != AIP_V_BOOL) return;
    out += " CHECK (";
    // json_valid(NULL) is 0 before SQLite 3.45.
    if (column.type == AIP_V_JSON && column.nullable) {
        quoted(out, column.name);
        out += " IS NULL OR ";
    }
    if (column.type == AIP_V_JSON) out += "json_valid(";
    quoted(out, column.name);
    out += column.type == AIP_V_JSON ? "))" : " IN (0, 1))";
}

void SqliteDialect::tableTail(std::string& out, const Table& table) const {
    if (table.integerKey() != nullptr) {
        out += "\n) STRICT";
        return;
    }
    out += ",\n    PRIMARY KEY (";
    for (std::size_t i = 0; i < table.key.size(); ++i) {
        if (i != 0) out += ", ";
        quoted(out, table.key[i]);
    }
    // A clustered key saves a tree; where rows may be long it would cost more than it saves.
    const bool small = std::none_of(table.columns.begin(), table.columns.end(),
                                    [](const Column& column) { return column.type == AIP_V_BYTES || column.type == AIP_V_JSON; });
    out += small ? ")\n) STRICT, WITHOUT ROWID" : ")\n) STRICT";
}

std::vector<std::string> SqliteDialect::indexColumns(const Table& table, const Index& index) const {
    // Every index of a rowid table ends in the rowid, which an integer key is: naming it would store it twice.
    auto columns = index.columns;
    const Column* key = table.integerKey();
    if (key != nullptr && index.kind == Index::Kind::Plain && columns.size() > 1 && columns.back() == key->name) columns.pop_back();
    return columns;
}

/// Times as text: of an event as its entry has it, all others to the millisecond.
std::string SqliteDialect::view(std::string_view name) const {
    const auto time = [](const std::string& column) { return "strftime('%Y-%m-%dT%H:%M:%fZ', " + column + " / 1000000.0, 'unixepoch')"; };
    if (name == "audit_events")
        return "SELECT json_extract(CAST(e.body AS TEXT), '$.eventId') AS event_id,\n"
               "    coalesce(nullif(json_extract(CAST(e.body AS TEXT), '$.agentId'), ''), a.id) AS agent_id,\n"
               "    coalesce(nullif(json_extract(CAST(e.body AS TEXT), '$.orgId'), ''), o.id) AS organization_id,\n"
               "    json_extract(CAST(e.body AS TEXT), '$.action') AS action, iif(e.outcome = 0, 'success', 'failure') AS outcome,\n"
               "    json_extract(CAST(e.body AS TEXT), '$.ip') AS ip_address, json_extract(CAST(e.body AS TEXT), '$.userAgent') AS "
               "user_agent,\n"
               "    json_extract(CAST(e.body AS TEXT), '$.metadata') AS metadata,\n"
               "    coalesce(json_extract(CAST(e.body AS TEXT), '$.ts'), " +
               time("e.ts") +
               ") AS \"timestamp\",\n"
               "    lower(hex(e.chain_hash)) AS hash, iif(p.idx IS NULL, printf('%064d', 0), lower(hex(p.chain_hash))) AS previous_hash,\n"
               "    e.idx AS ledger_index\n"
               "FROM audit_entries e\nLEFT JOIN audit_entries p ON p.idx = e.idx - 1\nLEFT JOIN agents a ON a.num = e.agent_num\n"
               "LEFT JOIN organizations o ON o.num = e.organization_num";
    if (name == "oidc_keys")
        return "SELECT kid, alg AS algorithm, public_jwk AS public_key, state = 'active' AS is_current, state AS status, compromised,\n   "
               " " +
               time("created_at") + " AS created_at, " + time("published_at") + " AS published_at,\n    " + time("activated_at") +
               " AS activated_at, " + time("retiring_at") + " AS retiring_at, " + time("gone_at") + " AS gone_at\nFROM signing_keys";
    return {};
}

std::vector<std::string> SqliteDialect::bookkeeping() const {
    return {
        "CREATE TABLE IF NOT EXISTS \"schema_migrations\" (\n"
        "    \"number\" INTEGER PRIMARY KEY,\n"
        "    \"name\" TEXT NOT NULL,\n"
        "    \"checksum\" TEXT NOT NULL,\n"
        "    \"definition\" TEXT NOT NULL,\n"
        "    \"applied_at\" INTEGER NOT NULL\n"
        ") STRICT"};
}

}  // namespace agentidp::sql
