#include "run.h"

#include <sqlite3.h>

#include "failure.h"
#include "sql/groups.h"
#include "sql/shape.h"

namespace agentidp::storage_sqlite {

namespace {

using Control = Connection::Control;

/// Resets when it goes. Bindings stay, and are all bound anew before the next step.
struct Reset {
    explicit Reset(sqlite3_stmt* statement) : statement(statement) {}
    ~Reset() { sqlite3_reset(statement); }
    Reset(const Reset&) = delete;
    Reset& operator=(const Reset&) = delete;
    sqlite3_stmt* statement;
};

/// SQLite takes a null pointer for NULL, also where the length is 0.
const char* bytesOf(aip_str text) { return text.n == 0 ? "" : text.p; }

int bindValue(sqlite3_stmt* statement, int n, const aip_value& value) {
    switch (value.type) {
        case AIP_V_NULL: return sqlite3_bind_null(statement, n);
        case AIP_V_TEXT:
        case AIP_V_JSON: return sqlite3_bind_text64(statement, n, bytesOf(value.s), value.s.n, SQLITE_STATIC, SQLITE_UTF8);
        case AIP_V_BYTES: return sqlite3_bind_blob64(statement, n, bytesOf(value.s), value.s.n, SQLITE_STATIC);
        default: return sqlite3_bind_int64(statement, n, value.i);
    }
}

void writeValue(sqlite3_stmt* statement, int column, std::uint32_t type, aip::ResultWriter& out) {
    if (sqlite3_column_type(statement, column) == SQLITE_NULL) return out.null();
    const auto bytes = [&](const void* begin) {
        return std::string_view(static_cast<const char*>(begin), static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
    };
    switch (type) {
        case AIP_V_BOOL: return out.boolean(sqlite3_column_int64(statement, column) != 0);
        case AIP_V_INT: return out.integer(sqlite3_column_int64(statement, column));
        case AIP_V_TIME: return out.time(sqlite3_column_int64(statement, column));
        case AIP_V_TEXT: return out.text(bytes(sqlite3_column_text(statement, column)));
        case AIP_V_JSON: return out.json(bytes(sqlite3_column_text(statement, column)));
        default: return out.bytes(bytes(sqlite3_column_blob(statement, column)));
    }
}

}  // namespace

aip::Status Run::all(const aip::Ops& ops) {
    if (auto fine = sql::hasGroups(ops); !fine) return fine.fail();
    enum class Group { None, Open, Failed } group = Group::None;
    for (const aip_op& op : ops) {
        if (op.code == AIP_OP_RELEASE) {
            if (group == Group::Open)
                if (auto released = connection.control(Control::Release); !released) return released;
            group = Group::None;
            out.record(AIP_OK);
            continue;
        }
        if (group == Group::Failed) {
            out.record(AIP_E_CANCELLED);
            continue;
        }
        const auto mark = out.mark();
        aip::Status done = one(op);
        if (done) {
            if (op.code == AIP_OP_SAVEPOINT) group = Group::Open;
            continue;
        }
        // After some errors SQLite has already rolled everything back: then there is no group left to undo.
        if (group == Group::None || !sql::concernsOnlyItsGroup(done.fail().status) || !connection.inTransaction()) return done;
        if (auto undone = undoGroup(); !undone) return undone;
        out.rewind(mark);
        out.record(done.fail().status);
        group = Group::Failed;
    }
    return {};
}

aip::Status Run::undoGroup() {
    if (auto undone = connection.control(Control::RollbackTo); !undone) return undone;
    return connection.control(Control::Release);
}

aip::Status Run::one(const aip_op& op) {
    const bool reads = op.code == AIP_OP_SELECT || op.code == AIP_OP_COUNT || op.code == AIP_OP_NOW;
    if (access == Access::ReadOnly && !reads) return aip::invalid("a snapshot is only read");
    switch (op.code) {
        case AIP_OP_INSERT:
        case AIP_OP_UPDATE:
        case AIP_OP_REMOVE:
        case AIP_OP_SELECT:
        case AIP_OP_COUNT: return statement(op);
        case AIP_OP_LOCK:
            // The write transaction excludes every other writer already.
            if (op.table.n == 0) return aip::invalid("a lock without a name");
            out.record(AIP_OK);
            return {};
        case AIP_OP_SAVEPOINT:
            if (auto begun = connection.control(Control::Savepoint); !begun) return begun;
            out.record(AIP_OK);
            return {};
        case AIP_OP_NOW:
            out.beginRows(1);
            out.time(host.wallUs());
            out.endRows();
            return {};
        default: return aip::unsupported("an unknown operation");
    }
}

aip::Status Run::statement(const aip_op& op) {
    if (auto fine = sql::checkBounds(op); !fine) return fine;
    auto prepared = connection.prepared(op, tables);
    if (!prepared) return prepared.fail();
    const Reset reset((*prepared)->statement.get());
    if (auto bound = bind(op, **prepared); !bound) return bound;
    return op.code == AIP_OP_SELECT ? rows(**prepared) : counted(op, **prepared);
}

aip::Status Run::bind(const aip_op& op, const Connection::Prepared& prepared) {
    sqlite3_stmt* statement = prepared.statement.get();
    int n = 0;
    for (const sql::Bind& bind : prepared.plan.binds) {
        ++n;
        int rc = SQLITE_OK;
        if (bind.from == sql::Bind::From::Limit) {
            rc = sqlite3_bind_int64(statement, n, op.limit);
        } else if (bind.from == sql::Bind::From::PrefixEnd) {
            std::string end;
            // Every blob is above every text, so this is the end where there is none.
            rc = sql::endOfPrefix(aip::view(op.where[bind.at].values[0].s), end)
                     ? sqlite3_bind_text64(statement, n, end.data(), end.size(), SQLITE_TRANSIENT, SQLITE_UTF8)
                     : sqlite3_bind_zeroblob(statement, n, 0);
        } else {
            const aip_value& value = sql::valueOf(op, bind);
            if (!sql::wellFormed(value)) return aip::invalid("text that is not UTF-8 without NUL, or a boolean that is not 0 or 1");
            rc = bindValue(statement, n, value);
        }
        if (rc != SQLITE_OK) return connection.failure(rc);
    }
    return {};
}

aip::Status Run::rows(const Connection::Prepared& prepared) {
    sqlite3_stmt* statement = prepared.statement.get();
    const auto& types = prepared.plan.columnTypes;
    out.beginRows(static_cast<std::uint32_t>(types.size()));
    int rc = SQLITE_OK;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
        for (std::size_t i = 0; i < types.size(); ++i) writeValue(statement, static_cast<int>(i), types[i], out);
    if (rc != SQLITE_DONE) return connection.failure(rc);
    out.endRows();
    return {};
}

aip::Status Run::counted(const aip_op& op, const Connection::Prepared& prepared) {
    sqlite3_stmt* statement = prepared.statement.get();
    const int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        out.record(AIP_OK, sqlite3_column_int64(statement, 0));
        return {};
    }
    if (rc != SQLITE_DONE) return connection.failure(rc);
    const std::int64_t count = sqlite3_changes64(connection.native());
    const bool expects = op.code != AIP_OP_INSERT && op.expect >= 0;
    if (expects && count != op.expect) {
        if (count == 0) return aip::notFound("no such row");
        return aip::conflict("another number of rows than expected");
    }
    out.record(AIP_OK, count);
    return {};
}

}  // namespace agentidp::storage_sqlite
