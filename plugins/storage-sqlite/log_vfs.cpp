#include "log_vfs.h"

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace agentidp::storage_sqlite {

namespace {

constexpr const char* kName = "agentidp-log";
/// SQLite's file system takes a write's size modulo 128 KiB, so that one of exactly that size looks like a full disk. Thirty-one frames
/// of 4 KiB pages: a longer commit is handed on in pieces.
constexpr std::size_t kMost = 0x1FFFF;

sqlite3_vfs* own() {
    static sqlite3_vfs* const kOwn = sqlite3_vfs_find(nullptr);
    return kOwn;
}

/// As SQLite lays it out: its base first, and SQLite's own file behind it in the same allocation.
struct LogFile {
    sqlite3_file base;
    sqlite3_file* file;
    std::vector<std::uint8_t>* kept;
    sqlite3_int64 from;  ///< where in the file `kept` begins
};

constexpr std::size_t kOwnFileAt =
    (sizeof(LogFile) + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);

LogFile& of(sqlite3_file* file) { return *reinterpret_cast<LogFile*>(file); }

int handOn(LogFile& log) {
    if (log.kept->empty()) return SQLITE_OK;
    const int rc = log.file->pMethods->xWrite(log.file, log.kept->data(), static_cast<int>(log.kept->size()), log.from);
    log.kept->clear();
    return rc;
}

/// What every operation but a write does: hand on, then SQLite's own.
template <auto Method, typename... Args>
int handOnThen(sqlite3_file* file, Args... args) {
    LogFile& log = of(file);
    if (const int rc = handOn(log); rc != SQLITE_OK) return rc;
    return (log.file->pMethods->*Method)(log.file, args...);
}

int closeLog(sqlite3_file* file) {
    LogFile& log = of(file);
    // A log with something kept back is one whose commit never came to its sync.
    (void)handOn(log);
    delete log.kept;
    return log.file->pMethods->xClose(log.file);
}

int writeLog(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
    LogFile& log = of(file);
    const auto* first = static_cast<const std::uint8_t*>(bytes);
    const auto more = static_cast<std::size_t>(size);
    const bool follows = log.from + static_cast<sqlite3_int64>(log.kept->size()) == at;
    if (!log.kept->empty() && (!follows || log.kept->size() + more > kMost))
        if (const int rc = handOn(log); rc != SQLITE_OK) return rc;
    if (more > kMost) return log.file->pMethods->xWrite(log.file, bytes, size, at);
    if (log.kept->empty()) log.from = at;
    try {
        log.kept->insert(log.kept->end(), first, first + more);
    } catch (const std::bad_alloc&) {
        return SQLITE_IOERR_NOMEM;
    }
    return SQLITE_OK;
}

int traits(sqlite3_file* file) { return of(file).file->pMethods->xDeviceCharacteristics(of(file).file); }
int sectorSize(sqlite3_file* file) { return of(file).file->pMethods->xSectorSize(of(file).file); }

/// A log is neither locked, shared nor mapped, so that the first version of the interface is all it needs.
constexpr sqlite3_io_methods kMethods{1,
                                      closeLog,
                                      handOnThen<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>,
                                      writeLog,
                                      handOnThen<&sqlite3_io_methods::xTruncate, sqlite3_int64>,
                                      handOnThen<&sqlite3_io_methods::xSync, int>,
                                      handOnThen<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
                                      handOnThen<&sqlite3_io_methods::xLock, int>,
                                      handOnThen<&sqlite3_io_methods::xUnlock, int>,
                                      handOnThen<&sqlite3_io_methods::xCheckReservedLock, int*>,
                                      handOnThen<&sqlite3_io_methods::xFileControl, int, void*>,
                                      sectorSize,
                                      traits,
                                      nullptr,
                                      nullptr,
                                      nullptr,
                                      nullptr,
                                      nullptr,
                                      nullptr};

int open(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* outFlags) {
    if ((flags & SQLITE_OPEN_WAL) == 0) return own()->xOpen(own(), name, file, flags, outFlags);
    LogFile& log = of(file);
    log.base.pMethods = nullptr;
    log.file = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + kOwnFileAt);
    log.from = 0;
    log.kept = new (std::nothrow) std::vector<std::uint8_t>;
    if (log.kept == nullptr) return SQLITE_IOERR_NOMEM;
    const int rc = own()->xOpen(own(), name, log.file, flags, outFlags);
    if (rc == SQLITE_OK) {
        log.base.pMethods = &kMethods;
        return rc;
    }
    delete log.kept;
    if (log.file->pMethods != nullptr) (void)log.file->pMethods->xClose(log.file);
    return rc;
}

/// SQLite's own layer under another name, with another way to open. Gone with this library, before SQLite's.
struct Registered {
    Registered() {
        if (own() == nullptr) return;
        vfs = *own();
        vfs.zName = kName;
        vfs.pNext = nullptr;
        vfs.szOsFile = static_cast<int>(kOwnFileAt) + own()->szOsFile;
        vfs.xOpen = open;
        done = sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
    }
    ~Registered() {
        if (done) sqlite3_vfs_unregister(&vfs);
    }
    Registered(const Registered&) = delete;
    Registered& operator=(const Registered&) = delete;
    sqlite3_vfs vfs{};
    bool done = false;
};

}  // namespace

const char* logVfs() {
    static const Registered kRegistered;
    return kRegistered.done ? kName : nullptr;
}

}  // namespace agentidp::storage_sqlite
