#include "failure.h"

#include <sqlite3.h>

namespace agentidp::storage_sqlite {

namespace {

constexpr std::string_view kDamaged = "the SQLite database is damaged (";

}  // namespace

bool isDamage(const aip::Fail& fail) { return std::string_view(fail.message).substr(0, kDamaged.size()) == kDamaged; }

aip::Fail damaged(std::string_view why, std::string_view path) {
    return aip::unavailable(std::string(kDamaged) + std::string(why) + "); restore a backup (agentidp restore)", std::string(path));
}

aip::Fail failureOf(sqlite3* db, int rc, const aip::Call* call) {
    const int extended = db != nullptr ? sqlite3_extended_errcode(db) : rc;
    const std::string detail =
        std::string("sqlite ") + std::to_string(extended) + ": " + (db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
    const char* file = db != nullptr ? sqlite3_db_filename(db, "main") : nullptr;
    switch (rc & 0xFF) {
        case SQLITE_CONSTRAINT:
            if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_ROWID)
                return aip::exists("a unique value is taken", detail);
            return aip::invalid("a value does not fit its column", detail);
        case SQLITE_MISMATCH:
        case SQLITE_TOOBIG:
        case SQLITE_RANGE: return aip::invalid("a value does not fit its column", detail);
        case SQLITE_INTERRUPT:
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            if (call != nullptr && call->cancelled()) return aip::cancelled();
            if (call != nullptr && call->expired()) return aip::deadline();
            return aip::unavailable("another process holds the database", detail);
        case SQLITE_CORRUPT: return damaged("malformed page", file != nullptr ? file : detail);
        case SQLITE_NOTADB: return damaged("not a database", file != nullptr ? file : detail);
        case SQLITE_FULL: return aip::unavailable("the disk of the database is full", detail);
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH: {
            aip::Fail fail = aip::unavailable("the database file cannot be read or written", detail);
            fail.sysErrno = db != nullptr ? static_cast<std::uint32_t>(sqlite3_system_errno(db)) : 0;
            return fail;
        }
        case SQLITE_NOMEM: return aip::unavailable("out of memory", detail);
        default: return aip::internal("the database refused a statement", detail);
    }
}

}  // namespace agentidp::storage_sqlite
