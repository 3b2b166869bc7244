#include "app/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/ids.h"
#include "base/text.h"

namespace agentidp::app {
namespace {

using base::Errc;
using base::fail;

constexpr std::size_t kSmall = 64U << 10U;

std::string why() { return std::strerror(errno); }

}  // namespace

std::string absolutePath(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

base::Result<void> makePrivateFolder(const std::string& path, std::string_view setting) {
    const std::string name(setting);
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0) {
        if (!S_ISDIR(info.st_mode)) return fail(Errc::Invalid, name + " = " + path + " is not a directory; name a directory");
        if (::access(path.c_str(), W_OK | X_OK) != 0)
            return fail(Errc::Invalid, name + " = " + path + " cannot be written by this user; change its owner, or set another " + name);
        return {};
    }
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    if (errno == ENOENT) {
        std::error_code error;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
        if (!error && ::mkdir(path.c_str(), 0700) == 0) return {};
    }
    return fail(Errc::Invalid, name + " = " + path + " cannot be made: " + why() + "; make it by hand, or set another " + name);
}

base::Result<DataLock> DataLock::take(const std::string& dataDir) {
    const auto path = dataDir + "/lock";
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return fail(Errc::Invalid, "data.dir: " + path + " cannot be opened: " + why() + "; check the owner of data.dir");
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        std::array<char, 32> holder{};
        const auto size = ::pread(descriptor, holder.data(), holder.size() - 1, 0);
        ::close(descriptor);
        const std::string pid(base::trim(std::string_view(holder.data(), size > 0 ? static_cast<std::size_t>(size) : 0)));
        return fail(Errc::Conflict,
                    "data.dir = " + dataDir + " is in use by process " + (pid.empty() ? "?" : pid) + "; stop it, or set another data.dir");
    }
    const auto pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor, 0) != 0 || ::pwrite(descriptor, pid.data(), pid.size(), 0) < 0) {
        // The pid is for people; the lock holds without it.
    }
    return DataLock(descriptor);
}

DataLock& DataLock::operator=(DataLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

DataLock::~DataLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

base::Result<void> writePrivateFile(const std::string& path, std::string_view content) {
    const auto temporary = path + ".new";
    const auto refuse = [&](int descriptor) {
        const auto reason = why();
        if (descriptor >= 0) ::close(descriptor);
        ::unlink(temporary.c_str());
        return fail(Errc::Unavailable, path + " cannot be written: " + reason);
    };
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return refuse(-1);
    while (!content.empty()) {
        const auto written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return refuse(descriptor);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(descriptor) != 0) return refuse(descriptor);
    ::close(descriptor);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return refuse(-1);
    const int folder = ::open(std::filesystem::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        ::fsync(folder);
        ::close(folder);
    }
    return {};
}

base::Result<std::string> readSmallFile(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        const bool missing = errno == ENOENT;
        return fail(missing ? Errc::NotFound : Errc::Unavailable, path + " cannot be read: " + why());
    }
    std::string content(kSmall + 1, '\0');
    std::size_t size = 0;
    for (;;) {
        const auto got = ::read(descriptor, content.data() + size, content.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
        if (size == content.size()) break;
    }
    ::close(descriptor);
    if (size > kSmall) return fail(Errc::TooLarge, path + " is over 64 KiB");
    content.resize(size);
    return content;
}

base::Result<std::string> replicaName(const std::string& dataDir) {
    const auto path = dataDir + "/replica";
    auto known = readSmallFile(path);
    if (known) {
        const auto name = std::string(base::trim(*known));
        if (!base::isUuid(name)) return fail(Errc::Invalid, path + " does not hold a replica name; remove it to get a new one");
        return name;
    }
    if (known.error().code != Errc::NotFound) return known;
    auto name = base::uuidV4();
    if (auto written = writePrivateFile(path, name + "\n"); !written) return std::move(written).error();
    return name;
}

}  // namespace agentidp::app
