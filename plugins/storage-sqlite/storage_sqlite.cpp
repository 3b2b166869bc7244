#include "storage_sqlite.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "failure.h"
#include "sql/steps.h"

namespace agentidp::storage_sqlite {

namespace {

constexpr std::size_t kPiece = 256U << 10U;

aip::Fail empty() { return aip::unavailable("the store holds no schema yet; run agentidp migrate up"); }

aip::Fail notWritten(const std::string& path, int number) {
    aip::Fail fail = aip::unavailable("the copy cannot be written", path + ": " + std::strerror(number));
    fail.sysErrno = static_cast<std::uint32_t>(number);
    return fail;
}

aip::Status writeAll(const TemporaryFile& file, const char* at, std::size_t size) {
    while (size > 0) {
        const ssize_t wrote = ::write(file.descriptor(), at, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return notWritten(file.path(), errno);
        at += wrote;
        size -= static_cast<std::size_t>(wrote);
    }
    return {};
}

}  // namespace

aip::Status StorageSqlite::configure(const aip::Config& config) {
    std::string path = config.text("path");
    if (path.empty()) path = "agentidp.db";
    if (path.find('\0') != std::string::npos) return aip::invalid("path holds a NUL");
    if (path.front() != '/') {
        const std::string folder = host().dataDir();
        if (folder.empty()) return aip::invalid("path is not absolute, and there is no data directory");
        path = folder + "/" + path;
    }
    settings_.path = path;
    settings_.readers = static_cast<std::size_t>(config.integer("readers", 4));
    settings_.writer = {config.integer("cache_mb", 2), config.integer("mmap_mb", 0)};
    settings_.reader = {config.integer("reader_cache_mb", 2), config.integer("mmap_mb", 0)};
    return {};
}

aip::Status StorageSqlite::start(const aip::Call& call) {
    const std::lock_guard opening(opening_);
    const auto state = lookAt(settings_.path);
    if (!state) return state.fail();
    if (*state != FileState::Present) return {};
    return openUnder(opening, call);
}

aip::Status StorageSqlite::openUnder(const std::lock_guard<std::mutex>&, const aip::Call& call) {
    if (database_ != nullptr) return {};
    auto made = Database::open(settings_, host(), call);
    if (!made) return made.fail();
    database_ = std::move(*made);
    open_.store(database_.get(), std::memory_order_release);
    return {};
}

aip::Status StorageSqlite::stop(const aip::Call&) {
    const std::lock_guard opening(opening_);
    open_.store(nullptr, std::memory_order_release);
    database_.reset();
    return {};
}

aip::Status StorageSqlite::health(aip::Fields& details, const aip::Call& call) {
    if (Database* open = database()) return open->health(details, call);
    details.text("path", settings_.path).integer("schema", 0);
    return {};
}

aip::Status StorageSqlite::apply(const Apply& what, aip::ResultWriter& out, const aip::Call& call) {
    if (Database* open = database()) return open->apply(what, out, call);
    if ((what.flags & AIP_TX_ROLLBACK) != 0) return {};
    for (const aip_op& op : what.ops)
        if (op.code != AIP_OP_NOW) return empty();
    if ((what.flags & AIP_TX_READ) == 0) return empty();
    for (std::size_t i = 0; i < what.ops.size(); ++i) {
        out.beginRows(1);
        out.time(host().wallUs());
        out.endRows();
    }
    return {};
}

aip::Outcome<aip::MigrationStatus> StorageSqlite::migrate(std::string_view schemaJson, Migrate mode, const aip::Call& call) {
    auto wanted = sql::parseSchema(schemaJson);
    if (!wanted) return wanted.fail();
    if (mode == Migrate::Up && database() == nullptr) {
        const std::lock_guard opening(opening_);
        const auto state = lookAt(settings_.path);
        if (!state) return state.fail();
        if (*state != FileState::Present)
            if (auto made = makeEmpty(settings_.path); !made) return made.fail();
        if (auto opened = openUnder(opening, call); !opened) return opened.fail();
    }
    std::vector<sql::Step> applied;
    if (Database* open = database()) {
        if (mode == Migrate::Up)
            if (auto done = open->migrate(*wanted, call); !done) return done.fail();
        auto steps = open->applied(call);
        if (!steps) return steps.fail();
        applied = std::move(*steps);
        if (auto agreed = sql::agrees(applied, *wanted); !agreed) return agreed.fail();
    }
    return sql::statusOf(applied, *wanted);
}

aip::Status StorageSqlite::backup(const Receive& out, const aip::Call& call) {
    Database* open = database();
    if (open == nullptr) return empty();
    auto copy = TemporaryFile::beside(settings_.path, "backup");
    if (!copy) return copy.fail();
    if (auto copied = open->copyTo(copy->path(), call); !copied) return copied;
    std::vector<char> piece(kPiece);
    for (;;) {
        if (auto over = call.check(); !over) return over;
        const ssize_t got = ::read(copy->descriptor(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return notWritten(copy->path(), errno);
        if (got == 0) return {};
        if (!out({piece.data(), static_cast<std::size_t>(got)})) return aip::cancelled("the receiver took no more");
    }
}

aip::Status StorageSqlite::restore(const Provide& in, const aip::Call& call) {
    const std::lock_guard opening(opening_);
    const auto state = lookAt(settings_.path);
    if (!state) return state.fail();
    if (database_ != nullptr || *state == FileState::Present) return aip::conflict("a restore needs an empty store", settings_.path);
    // Refuses a log that lies there without its database, which SQLite would play into the copy.
    if (auto made = makeEmpty(settings_.path); !made) return made;
    auto copy = TemporaryFile::beside(settings_.path, "restore");
    if (!copy) return copy.fail();
    std::vector<char> piece(kPiece);
    for (;;) {
        if (auto over = call.check(); !over) return over;
        const std::int64_t got = in(piece.data(), piece.size());
        if (got < 0 || got > static_cast<std::int64_t>(piece.size())) return aip::unavailable("the backup cannot be read");
        if (got == 0) break;
        if (auto wrote = writeAll(*copy, piece.data(), static_cast<std::size_t>(got)); !wrote) return wrote;
    }
    if (auto sound = Database::verify(copy->path(), call); !sound) return sound;
    if (auto moved = copy->moveTo(settings_.path); !moved) return moved;
    return openUnder(opening, call);
}

}  // namespace agentidp::storage_sqlite

AGENTIDP_PLUGIN(STORAGE, agentidp::storage_sqlite::StorageSqlite, "sqlite", "1.0.0", "AgentIdP",
                AIP_F_CONCURRENT | AIP_F_THREADS | AIP_F_BLOCKS, R"json({
    "path": {"type": "string", "default": "", "doc": "The database file; relative to the data directory. Empty: agentidp.db there. Made with mode 0600 by the first migration."},
    "readers": {"type": "integer", "default": 4, "min": 1, "max": 64, "doc": "Connections that read beside the one that writes."},
    "cache_mb": {"type": "integer", "default": 2, "min": 1, "max": 65536, "doc": "Page cache of the writing connection, in MiB."},
    "reader_cache_mb": {"type": "integer", "default": 2, "min": 1, "max": 65536, "doc": "Page cache of each reading connection, in MiB."},
    "mmap_mb": {"type": "integer", "default": 0, "min": 0, "max": 1048576, "doc": "How much of the file is mapped instead of read. 0: none. With a map, an error of the disk ends the process instead of failing one call."}
})json")
