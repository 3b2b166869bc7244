#include "cli/import/reference_database.h"

#include <libpq-fe.h>

#include "base/text.h"

namespace agentidp::cli {
namespace {

using base::Errc;
using base::fail;

struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ClearResult>;

/// A name as an SQL identifier.
std::string quoted(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

/// How a column is asked for, so that its text does not hang on the server's settings.
std::string asText(const std::string& column, const std::string& type) {
    constexpr std::string_view kTime = R"('YYYY-MM-DD"T"HH24:MI:SS.US"Z"')";
    if (type == "timestamp with time zone") return "to_char(" + column + " AT TIME ZONE 'UTC', " + std::string(kTime) + ")";
    if (type == "timestamp without time zone") return "to_char(" + column + ", " + std::string(kTime) + ")";
    if (type == "ARRAY") return "to_json(" + column + ")::text";
    return column + "::text";
}

}  // namespace

struct ReferenceDatabase::Connection {
    PGconn* native = nullptr;
    explicit Connection(PGconn* given) : native(given) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { PQfinish(native); }

    base::Result<Answer> ask(const std::string& sql, const std::vector<std::string>& parameters = {}) const {
        std::vector<const char*> values;
        for (const auto& parameter : parameters) values.push_back(parameter.c_str());
        Answer answer(PQexecParams(native, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0));
        const auto status = PQresultStatus(answer.get());
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return answer;
        const char* state = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
        const char* why = PQresultErrorField(answer.get(), PG_DIAG_MESSAGE_PRIMARY);
        return fail(Errc::Unavailable, std::string("the old database answers ") + (state != nullptr ? state : "nothing") +
                                           (why != nullptr ? std::string(": ") + why : std::string()));
    }
};

ReferenceDatabase::ReferenceDatabase(std::unique_ptr<Connection> connection, std::string schema)
    : connection_(std::move(connection)), schema_(std::move(schema)) {}

ReferenceDatabase::~ReferenceDatabase() = default;

base::Result<std::unique_ptr<ReferenceDatabase>> ReferenceDatabase::open(const base::Secret& dsn, std::string schema) {
    // What stands behind the string counts more than it.
    std::string text(dsn.text());
    const char* const names[] = {"dbname", "connect_timeout", "application_name", nullptr};
    const char* const values[] = {text.c_str(), "10", "agentidp import", nullptr};
    auto connection = std::make_unique<Connection>(PQconnectdbParams(names, values, 1));
    base::wipe(text.data(), text.size());
    if (PQstatus(connection->native) != CONNECTION_OK)
        return fail(Errc::Unavailable, "the old database does not let us in; check --dsn (host, database, user, password, TLS)");
    std::unique_ptr<ReferenceDatabase> made(new ReferenceDatabase(std::move(connection), std::move(schema)));
    for (const auto* sql :
         {"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SET LOCAL search_path = pg_catalog", "SET LOCAL statement_timeout = '600s'"})
        if (auto done = made->connection_->ask(sql); !done) return std::move(done).error();
    return made;
}

base::Result<TableColumns> ReferenceDatabase::tables() {
    auto rows = connection_->ask(
        "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c JOIN information_schema.tables t"
        " USING (table_schema, table_name) WHERE c.table_schema = $1 AND t.table_type = 'BASE TABLE'",
        {schema_});
    if (!rows) return std::move(rows).error();
    tables_.clear();
    for (int row = 0; row < PQntuples(rows->get()); ++row)
        tables_[PQgetvalue(rows->get(), row, 0)][PQgetvalue(rows->get(), row, 1)] = PQgetvalue(rows->get(), row, 2);
    return tables_;
}

base::Result<std::int64_t> ReferenceDatabase::count(const ReferenceTable& table) {
    auto rows = connection_->ask("SELECT count(*) FROM " + quoted(schema_) + "." + quoted(table.name));
    if (!rows) return std::move(rows).error();
    return base::parseInt(PQgetvalue(rows->get(), 0, 0)).value_or(0);
}

base::Result<void> ReferenceDatabase::read(const ReferenceTable& table, const FoundTable& found, const std::vector<std::string>& after,
                                           std::size_t batch, const Take& take) {
    std::vector<std::string> names;
    std::string columns, order, behind, places;
    const auto& types = tables_.find(table.name)->second;
    for (const auto& [as, name] : found.columns) {
        names.push_back(as);
        columns += (columns.empty() ? "" : ", ") + asText(quoted(name), types.find(name)->second);
    }
    for (const auto as : table.order) {
        const auto& name = found.columns.find(as)->second;
        order += (order.empty() ? "" : ", ") + quoted(name);
        places += (places.empty() ? "$" : ", $") + std::to_string(behind.empty() ? 1 : 2) + "::text::" +
                  (types.find(name)->second == "uuid"                  ? "uuid"
                   : types.find(name)->second.starts_with("timestamp") ? types.find(name)->second
                                                                       : "text");
        behind += (behind.empty() ? "" : ", ") + quoted(name);
    }
    const auto where = after.empty() ? std::string() : " WHERE (" + behind + ") > (" + places + ")";
    auto declared = connection_->ask("DECLARE agentidp_import NO SCROLL CURSOR FOR SELECT " + columns + " FROM " + quoted(schema_) + "." +
                                         quoted(table.name) + where + " ORDER BY " + order,
                                     after);
    if (!declared) return std::move(declared).error();
    for (;;) {
        auto rows = connection_->ask("FETCH " + std::to_string(batch) + " FROM agentidp_import");
        if (!rows) return std::move(rows).error();
        std::vector<ReferenceRow> out(static_cast<std::size_t>(PQntuples(rows->get())));
        for (int row = 0; row < PQntuples(rows->get()); ++row)
            for (int column = 0; column < PQnfields(rows->get()); ++column)
                if (PQgetisnull(rows->get(), row, column) == 0)
                    out[static_cast<std::size_t>(row)].set(names[static_cast<std::size_t>(column)], PQgetvalue(rows->get(), row, column));
        if (out.empty()) break;
        if (auto taken = take(std::move(out)); !taken) return taken;
    }
    auto closed = connection_->ask("CLOSE agentidp_import");
    if (!closed) return std::move(closed).error();
    return {};
}

}  // namespace agentidp::cli
