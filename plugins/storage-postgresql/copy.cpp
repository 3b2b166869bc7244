#include "copy.h"

#include <Poco/DigestEngine.h>
#include <Poco/SHA2Engine.h>

#include <algorithm>
#include <vector>

#include "migration.h"
#include "sql/postgres_dialect.h"
#include "sql/steps.h"

namespace agentidp::storage_postgresql {

namespace {

constexpr std::string_view kForm = "agentidp postgresql backup 1\n";
/// More than any piece of COPY that this plugin writes.
constexpr std::uint32_t kMostPiece = 64U << 20U;
constexpr std::size_t kPiece = 256U << 10U;

aip::Fail malformed() { return aip::invalid("the backup is not whole, or not one of this plugin"); }

/// What goes out, with its digest.
class Writer {
public:
    explicit Writer(const aip::StoragePlugin::Receive& out) : out_(out), digest_(Poco::SHA2Engine::SHA_256) {}
    [[nodiscard]] bool bytes(std::string_view bytes) {
        if (!bytes.empty()) digest_.update(bytes.data(), bytes.size());
        return out_(bytes);
    }
    [[nodiscard]] bool piece(std::string_view piece) {
        const auto size = static_cast<std::uint32_t>(piece.size());
        return bytes({reinterpret_cast<const char*>(&size), sizeof size}) && (piece.empty() || bytes(piece));
    }
    [[nodiscard]] bool finish() {
        const auto& digest = digest_.digest();
        return out_({reinterpret_cast<const char*>(digest.data()), digest.size()});
    }

private:
    const aip::StoragePlugin::Receive& out_;
    Poco::SHA2Engine digest_;
};

class Reader {
public:
    explicit Reader(const aip::StoragePlugin::Provide& in) : in_(in), digest_(Poco::SHA2Engine::SHA_256) {}
    [[nodiscard]] bool bytes(char* into, std::size_t size, bool counted = true) {
        for (std::size_t at = 0; at < size;) {
            const std::int64_t got = in_(into + at, size - at);
            if (got <= 0 || got > static_cast<std::int64_t>(size - at)) return false;
            at += static_cast<std::size_t>(got);
        }
        if (counted && size != 0) digest_.update(into, size);
        return true;
    }
    aip::Outcome<std::string> piece() {
        std::uint32_t size = 0;
        if (!bytes(reinterpret_cast<char*>(&size), sizeof size) || size > kMostPiece) return malformed();
        std::string out(size, '\0');
        if (!bytes(out.data(), size)) return malformed();
        return out;
    }
    [[nodiscard]] bool finish() {
        const auto digest = digest_.digest();
        std::vector<unsigned char> said(digest.size());
        char more = 0;
        return bytes(reinterpret_cast<char*>(said.data()), said.size(), false) && said == digest && in_(&more, 1) == 0;
    }

private:
    const aip::StoragePlugin::Provide& in_;
    Poco::SHA2Engine digest_;
};

std::string copyOf(const std::string& schema, const sql::Table& table, const char* direction) {
    const sql::PostgresDialect dialect(schema);
    std::string out = "COPY ";
    dialect.table(out, table.name);
    for (const auto& column : table.columns) {
        out += &column == &table.columns.front() ? " (" : ", ";
        dialect.quoted(out, column.name);
    }
    return out + ") " + direction + " (FORMAT binary)";
}

aip::Status run(Connection& connection, const std::string& sql, const aip::Call& call) {
    auto done = connection.ask(sql, call);
    return done ? aip::Status() : aip::Status(done.fail());
}

}  // namespace

aip::Status copyTo(Connection& connection, const std::string& schema, const aip::StoragePlugin::Receive& out, const aip::Call& call) {
    const aip::Fail refused = aip::cancelled("the receiver took no more");
    if (auto begun = run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", call); !begun) return begun;
    auto steps = appliedSteps(connection, schema, call);
    if (!steps) return steps.fail();
    if (steps->empty()) return aip::unavailable("the store holds no schema yet; run agentidp migrate up");
    auto catalog = sql::catalogOf(*steps);
    if (!catalog) return catalog.fail();
    Writer writer(out);
    if (!writer.bytes(kForm)) return refused;
    for (const auto& step : *steps)
        if (!writer.piece(step.text)) return refused;
    if (!writer.piece({})) return refused;
    for (const auto& [name, table] : catalog->tables()) {
        // COPY sends a row at a time; few large pieces travel better.
        std::string gathered;
        const auto take = [&](std::string_view row) {
            gathered += row;
            if (gathered.size() < kPiece) return true;
            const bool taken = writer.piece(gathered);
            gathered.clear();
            return taken;
        };
        if (auto copied = connection.copyOut(copyOf(schema, table, "TO STDOUT"), take, call); !copied) return copied;
        if ((!gathered.empty() && !writer.piece(gathered)) || !writer.piece({})) return refused;
    }
    return writer.finish() ? aip::Status() : aip::Status(refused);
}

aip::Status copyFrom(Connection& connection, const std::string& schema, const aip::StoragePlugin::Provide& in, std::int64_t nowUs,
                     const aip::Call& call) {
    auto present = appliedSteps(connection, schema, call);
    if (!present) return present.fail();
    if (!present->empty()) return aip::conflict("a restore needs an empty store", "schema " + schema);
    Reader reader(in);
    std::string form(kForm.size(), '\0');
    if (!reader.bytes(form.data(), form.size()) || form != kForm) return malformed();
    if (auto begun = run(connection, "BEGIN", call); !begun) return begun;
    sql::Catalog catalog;
    for (;;) {
        auto text = reader.piece();
        if (!text) return text.fail();
        if (text->empty()) break;
        auto step = sql::parseStep(*text);
        if (!step) return malformed();
        if (auto applied = applyStep(connection, schema, *step, catalog, nowUs, call); !applied) return applied;
        if (!catalog.add(*step)) return malformed();
    }
    for (const auto& [name, table] : catalog.tables())
        if (auto copied = connection.copyIn(
                copyOf(schema, table, "FROM STDIN"), [&] { return reader.piece(); }, call);
            !copied)
            return copied;
    if (!reader.finish()) return malformed();
    return run(connection, "COMMIT", call);
}

}  // namespace agentidp::storage_postgresql
