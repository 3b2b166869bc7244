#include "keystore/key_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "keystore/base64url.h"

namespace agentidp::keystore {
namespace {

constexpr std::string_view kTemporary = ".new-";

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }
    int release() {
        const int fd = fd_;
        fd_ = -1;
        return fd;
    }

private:
    int fd_;
};

aip::Fail systemFail(const char* what, const std::string& path) {
    const int number = errno;
    auto fail = aip::unavailable(what, path + ": " + std::strerror(number));
    fail.sysErrno = static_cast<std::uint32_t>(number);
    return fail;
}

/// Nothing where nobody but us (and root) can read or write it.
std::optional<aip::Fail> exposure(const struct stat& about, const std::string& path, const char* mode) {
    if (about.st_uid != geteuid() && about.st_uid != 0)
        return aip::denied("a key file or its directory belongs to another user",
                           path + " belongs to user " + std::to_string(about.st_uid) + ": give it to the daemon's user (chown)");
    if ((about.st_mode & 077U) != 0)
        return aip::denied("a key file or its directory is open to others", path + " is open to others: chmod " + mode + " " + path);
    return std::nullopt;
}

bool writeAll(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

/// Moves without replacing, also on file systems that know no RENAME_NOREPLACE.
bool moveFresh(int directory, const char* from, const char* to) {
    if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0) return true;
    if (errno != EINVAL && errno != ENOSYS) return false;
    if (linkat(directory, from, directory, to, 0) != 0) return false;
    unlinkat(directory, from, 0);
    return true;
}

}  // namespace

KeyFolder::KeyFolder(KeyFolder&& other) noexcept { *this = std::move(other); }
KeyFolder& KeyFolder::operator=(KeyFolder&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(directory_, other.directory_);
    return *this;
}
KeyFolder::~KeyFolder() {
    if (directory_ >= 0) close(directory_);
}

aip::Outcome<KeyFolder> KeyFolder::open(const std::string& path) {
    const bool made = mkdir(path.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) return systemFail("the keys directory cannot be made", path);
    Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (directory.get() < 0) return systemFail("the keys directory cannot be opened", path);
    struct stat about {};
    if (fstat(directory.get(), &about) != 0) return systemFail("the keys directory cannot be read", path);
    if (const auto exposed = exposure(about, path, "700")) return *exposed;
    if (made) {
        const Descriptor parent(openat(directory.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (parent.get() < 0 || fsync(parent.get()) != 0) return systemFail("the keys directory cannot be made durable", path);
    }
    KeyFolder folder;
    folder.path_ = path;
    folder.directory_ = directory.release();
    return folder;
}

aip::Outcome<std::vector<std::string>> KeyFolder::names() const {
    // A descriptor of its own: reading moves its position.
    Descriptor fd(openat(directory_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(fd.get() < 0 ? nullptr : fdopendir(fd.get()), closedir);
    if (!listing) return systemFail("the keys directory cannot be read", path_);
    fd.release();
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = readdir(listing.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return systemFail("the keys directory cannot be read", path_);
    std::sort(names.begin(), names.end());
    return names;
}

aip::Outcome<aip::Secret> KeyFolder::read(const std::string& name, std::size_t most) const {
    // O_NONBLOCK: a FIFO of this name must not hold the start.
    const Descriptor fd(openat(directory_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (fd.get() < 0 && errno == ENOENT) return aip::notFound("no such file", pathOf(name));
    if (fd.get() < 0 && errno == ELOOP) return aip::denied("a key file is a link", pathOf(name) + " is a link: put the file itself there");
    struct stat about {};
    if (fd.get() < 0 || fstat(fd.get(), &about) != 0) return systemFail("a key file cannot be read", pathOf(name));
    if (!S_ISREG(about.st_mode)) return aip::denied("a key file is no regular file", pathOf(name) + " is no regular file");
    if (const auto exposed = exposure(about, pathOf(name), "600")) return *exposed;
    if (static_cast<std::size_t>(about.st_size) > most) return aip::invalid("a key file is too large", pathOf(name));
    aip::Secret content;
    content.resize(static_cast<std::size_t>(about.st_size));
    std::size_t at = 0;
    while (at < content.size()) {
        const auto got = ::read(fd.get(), content.data() + at, content.size() - at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return systemFail("a key file cannot be read", pathOf(name));
        at += static_cast<std::size_t>(got);
    }
    return content;
}

aip::Status KeyFolder::write(const std::string& name, std::string_view bytes, Place place) const {
    std::string random(12, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(random.size())) != 1)
        return aip::internal("OpenSSL has no random bytes");
    const auto temporary = std::string(kTemporary) + base64url(random);
    const auto give_up = [&](const char* what) -> aip::Status {
        const auto fail = systemFail(what, pathOf(name));
        unlinkat(directory_, temporary.c_str(), 0);
        return fail;
    };
    {
        const Descriptor fd(openat(directory_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (fd.get() < 0) return systemFail("a key file cannot be written", pathOf(name));
        // The mode again: a umask may have taken bits of the owner's.
        if (fchmod(fd.get(), 0600) != 0 || !writeAll(fd.get(), bytes) || fsync(fd.get()) != 0)
            return give_up("a key file cannot be written");
    }
    if (place == Place::Over) {
        if (renameat(directory_, temporary.c_str(), directory_, name.c_str()) != 0) return give_up("a key file cannot be put in place");
    } else if (!moveFresh(directory_, temporary.c_str(), name.c_str())) {
        const bool taken = errno == EEXIST;
        auto failed = give_up("a key file cannot be put in place");
        return taken ? aip::Status(aip::exists("the name is taken", pathOf(name))) : failed;
    }
    if (fsync(directory_) != 0) return systemFail("a key file cannot be made durable", pathOf(name));
    return {};
}

void KeyFolder::removeLeftovers() const {
    const auto all = names();
    if (!all) return;
    for (const auto& name : *all)
        if (name.compare(0, kTemporary.size(), kTemporary) == 0) unlinkat(directory_, name.c_str(), 0);
}

aip::Status KeyFolder::check() const {
    struct stat held {
    }, there{};
    if (fstat(directory_, &held) != 0 || stat(path_.c_str(), &there) != 0) return systemFail("the keys directory is gone", path_);
    if (held.st_ino != there.st_ino || held.st_dev != there.st_dev)
        return aip::unavailable("the keys directory was replaced", path_ + " is another directory than at the start: restart the daemon");
    return {};
}

}  // namespace agentidp::keystore
