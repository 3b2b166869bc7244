#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "failure.h"

namespace agentidp::storage_sqlite {

namespace {

aip::Fail system(const std::string& what, const std::string& path) {
    const int number = errno;
    aip::Fail fail = aip::unavailable(what, path + ": " + std::strerror(number));
    fail.sysErrno = static_cast<std::uint32_t>(number);
    return fail;
}

std::string folderOf(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : (slash == 0 ? "/" : path.substr(0, slash));
}

aip::Status syncFolder(const std::string& path) {
    const int folder = ::open(folderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = folder >= 0 && ::fsync(folder) == 0;
    aip::Status status = synced ? aip::Status() : aip::Status(system("the folder of the database cannot be written", folderOf(path)));
    if (folder >= 0) ::close(folder);
    return status;
}

std::uint32_t bigEndian(const unsigned char* at, int bytes) {
    std::uint32_t out = 0;
    for (int i = 0; i < bytes; ++i) out = out << 8U | at[i];
    return out;
}

/// The file format of sqlite.org/fileformat2.html, section 1.3, as far as every later write would trust it.
const char* faultOf(const std::array<unsigned char, 100>& header, std::int64_t size, std::int64_t walSize) {
    if (std::memcmp(header.data(), "SQLite format 3", 16) != 0) return "not a database";
    std::uint32_t page = bigEndian(&header[16], 2);
    if (page == 1) page = 65'536;
    if (page < 512 || (page & (page - 1)) != 0) return "impossible page size";
    if (header[21] != 64 || header[22] != 32 || header[23] != 32 || header[18] > 2 || header[19] > 2) return "impossible header";
    const std::int64_t pages = bigEndian(&header[28], 4);
    // While a write-ahead log exists, the newest pages may live there only.
    if (walSize <= 0 && pages * page > size) return "shorter than it says";
    return nullptr;
}

}  // namespace

aip::Outcome<FileState> lookAt(const std::string& path) {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0) {
        if (errno == ENOENT) return FileState::Absent;
        return system("the database file cannot be read", path);
    }
    if (!S_ISREG(facts.st_mode)) return aip::unavailable("the database path is not a regular file", path);
    if (facts.st_size == 0) return FileState::Empty;
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return system("the database file cannot be read", path);
    std::array<unsigned char, 100> header{};
    const ssize_t got = ::pread(file, header.data(), header.size(), 0);
    ::close(file);
    struct stat wal {};
    const std::int64_t walSize = ::stat((path + "-wal").c_str(), &wal) == 0 ? wal.st_size : 0;
    const char* fault = got != static_cast<ssize_t>(header.size()) ? "not a database" : faultOf(header, facts.st_size, walSize);
    if (fault != nullptr) return damaged(fault, path);
    return FileState::Present;
}

aip::Status makeEmpty(const std::string& path) {
    struct stat wal {};
    if (::stat((path + "-wal").c_str(), &wal) == 0 && wal.st_size > 0)
        return aip::conflict("a write-ahead log lies there without its database; restore the database, or move the log away",
                             path + "-wal");
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return system("the database file cannot be made", path);
    const bool done = ::fchmod(file, 0600) == 0 && ::fsync(file) == 0;
    const aip::Status status = done ? aip::Status() : aip::Status(system("the database file cannot be made", path));
    ::close(file);
    return status ? syncFolder(path) : status;
}

aip::Outcome<TemporaryFile> TemporaryFile::beside(const std::string& path, const char* purpose) {
    std::string name = path + "." + purpose + "-XXXXXX";
    const int file = ::mkostemp(name.data(), O_CLOEXEC);
    if (file < 0) return system("no temporary file can be made beside the database", name);
    return TemporaryFile(std::move(name), file);
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), descriptor_(std::exchange(other.descriptor_, -1)) {}

TemporaryFile::~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (path_.empty()) return;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((path_ + suffix).c_str());
}

aip::Status TemporaryFile::moveTo(const std::string& target) {
    if (::fsync(descriptor_) != 0) return system("the copy cannot be written", path_);
    if (::rename(path_.c_str(), target.c_str()) != 0) return system("the copy cannot be put in place", target);
    path_.clear();
    return syncFolder(target);
}

FileId idOf(const std::string& path) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) return {};
    return {static_cast<std::uint64_t>(facts.st_dev), static_cast<std::uint64_t>(facts.st_ino)};
}

}  // namespace agentidp::storage_sqlite
