#include "plugin/shared_object.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "base/text.h"
#include "crypto/hash.h"

namespace agentidp::plugin {
namespace {

constexpr std::array<std::string_view, 6> kKinds = {"", "storage", "keys", "ratelimit", "job", "secrets"};

constexpr std::uint32_t kMaxDescriptor = 4096;

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(-1); }
    [[nodiscard]] int get() const { return fd_; }
    void reset(int fd) {
        if (fd_ >= 0) close(fd_);
        fd_ = fd;
    }
    int release() { return std::exchange(fd_, -1); }

private:
    int fd_;
};

/// Nothing, or why others than root and `owner` could change what `about` tells of.
std::string distrusted(const struct stat& about, uid_t owner) {
    if (about.st_uid != 0 && about.st_uid != owner)
        return "belongs to user " + std::to_string(about.st_uid) + ", neither root nor the daemon's";
    const bool shared = (about.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    const bool sticky = S_ISDIR(about.st_mode) && (about.st_mode & S_ISVTX) != 0 && about.st_uid == 0;
    if (shared && !sticky) return "may be written by others: chmod go-w it";
    return {};
}

/// Where a loaded object lies.
std::set<ElfW(Addr)> loadedBases() {
    std::set<ElfW(Addr)> bases;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* into) {
            static_cast<std::set<ElfW(Addr)>*>(into)->insert(info->dlpi_addr);
            return 0;
        },
        &bases);
    return bases;
}

/// A second load of one file answers the first: its name tells through which descriptor, and that one still is the same file.
bool sameFileAsBefore(const link_map& map, int fd) {
    constexpr std::string_view kPrefix = "/proc/self/fd/";
    const std::string_view name = map.l_name;
    if (name.substr(0, kPrefix.size()) != kPrefix) return false;
    const auto number = base::parseInt(name.substr(kPrefix.size()));
    struct stat before {};
    struct stat now {};
    return number && fstat(static_cast<int>(*number), &before) == 0 && fstat(fd, &now) == 0 && before.st_dev == now.st_dev &&
           before.st_ino == now.st_ino;
}

std::string loaderError() {
    const char* text = dlerror();
    return text != nullptr ? text : "no reason given";
}

}  // namespace

std::string_view nameOfKind(std::uint32_t kind) { return kind < kKinds.size() ? kKinds[kind] : std::string_view(); }

std::uint32_t kindOfName(std::string_view noun) {
    for (std::uint32_t kind = 1; kind < kKinds.size(); ++kind)
        if (kKinds[kind] == noun) return kind;
    return 0;
}

base::Result<PluginFile> PluginFile::open(const std::string& path, uid_t owner, Distrust distrust) {
    if (path.empty() || path.front() != '/') return base::fail(base::Errc::Invalid, "a plugin's path must be absolute: " + path);
    std::vector<std::string> warnings;
    const auto judge = [&](int fd, const std::string& what) -> base::Result<void> {
        struct stat about {};
        if (fstat(fd, &about) != 0) return base::fail(base::Errc::Unavailable, what + ": " + std::strerror(errno));
        const std::string why = distrusted(about, owner);
        if (why.empty()) return {};
        if (distrust == Distrust::Refuse) return base::fail(base::Errc::Denied, what + " " + why);
        warnings.push_back(what + " " + why);
        return {};
    };

    Descriptor folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::string walked;
    std::vector<std::string> parts;
    for (auto& part : base::split(std::string_view(path).substr(1), '/'))
        if (!part.empty() && part != ".") parts.push_back(std::move(part));
    if (parts.empty()) return base::fail(base::Errc::Invalid, "a plugin's path must name a file: " + path);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const bool last = i + 1 == parts.size();
        if (auto trusted = judge(folder.get(), walked.empty() ? "/" : walked); !trusted) return trusted.error();
        walked += "/" + parts[i];
        // O_NONBLOCK: a FIFO in the file's place must not hold up the start.
        const int flags = last ? O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK : O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        const int next = openat(folder.get(), parts[i].c_str(), flags);
        if (next < 0) {
            const int why = errno;
            if (why == ENOENT) return base::fail(last ? base::Errc::NotFound : base::Errc::Unavailable, walked + " does not exist");
            struct stat about {};
            if (fstatat(folder.get(), parts[i].c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(about.st_mode))
                return base::fail(base::Errc::Denied, walked + " is a symbolic link: name the real place");
            return base::fail(base::Errc::Unavailable, walked + ": " + std::strerror(why));
        }
        folder.reset(next);
    }
    struct stat about {};
    if (fstat(folder.get(), &about) != 0 || !S_ISREG(about.st_mode))
        return base::fail(base::Errc::Denied, walked + " is not a regular file");
    if (auto trusted = judge(folder.get(), walked); !trusted) return trusted.error();
    PluginFile file(folder.release(), walked);
    file.warnings_ = std::move(warnings);
    return file;
}

PluginFile::PluginFile(PluginFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), warnings_(std::move(other.warnings_)) {}

PluginFile::~PluginFile() {
    if (fd_ >= 0) close(fd_);
}

int PluginFile::keepOpen() { return std::exchange(fd_, -1); }

base::Result<std::string> PluginFile::sha256() const {
    crypto::Sha256 digest;
    std::vector<std::uint8_t> piece(std::size_t{256} * 1024);
    for (off_t at = 0;;) {
        const ssize_t got = pread(fd_, piece.data(), piece.size(), at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::fail(base::Errc::Unavailable, path_ + ": " + std::strerror(errno));
        if (got == 0) break;
        digest.update(base::BytesView(piece).first(static_cast<std::size_t>(got)));
        at += got;
    }
    return base::hex(digest.finish());
}

base::Result<const aip_plugin*> loadPlugin(PluginFile& file) {
    const auto before = loadedBases();
    const int fd = file.keepOpen();
    const std::string through = "/proc/self/fd/" + std::to_string(fd);
    void* handle = dlopen(through.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
        std::string why = loaderError();
        if (why.rfind(through + ": ", 0) == 0) why.erase(0, through.size() + 2);
        return base::fail(base::Errc::Invalid, "the loader refuses it: " + why);
    }
    link_map* map = nullptr;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || (before.count(map->l_addr) != 0 && !sameFileAsBefore(*map, fd)))
        return base::fail(base::Errc::Conflict, "the loader answered with another file that was loaded before");
    // dlsym also looks into what the file needs: the symbol must be the file's own.
    void* entry = dlsym(handle, AIP_ENTRY_SYMBOL);
    Dl_info place{};
    void* owner = nullptr;
    if (entry == nullptr || dladdr1(entry, &place, &owner, RTLD_DL_LINKMAP) == 0 || owner != map)
        return base::fail(base::Errc::NotFound, "it exports no " AIP_ENTRY_SYMBOL);
    const aip_plugin* plugin = nullptr;
    try {
        plugin = reinterpret_cast<aip_entry_fn>(entry)();
    } catch (...) {
        return base::fail(base::Errc::Internal, "its " AIP_ENTRY_SYMBOL " threw an exception");
    }
    if (plugin == nullptr) return base::fail(base::Errc::Invalid, "its " AIP_ENTRY_SYMBOL " answers null");
    return plugin;
}

base::Result<void> checkDescriptor(const aip_plugin& plugin, const ElfNote& note, std::string_view name) {
    const auto refuse = [](std::string why) { return base::fail(base::Errc::Invalid, std::move(why)); };
    if (plugin.size < sizeof(aip_plugin) || plugin.size > kMaxDescriptor)
        return refuse("its descriptor says it has " + std::to_string(plugin.size) + " bytes, one of ABI 1 has " +
                      std::to_string(sizeof(aip_plugin)));
    if (plugin.abi_major != AIP_ABI_MAJOR || plugin.abi_major != note.major)
        return base::fail(base::Errc::Unsupported, "its descriptor is of ABI " + std::to_string(plugin.abi_major) + ", its note of ABI " +
                                                       std::to_string(note.major) + ", this daemon's is " + std::to_string(AIP_ABI_MAJOR));
    if (plugin.min_host_minor > AIP_ABI_MINOR)
        return base::fail(base::Errc::Unsupported, "it needs a daemon of ABI 1." + std::to_string(plugin.min_host_minor) +
                                                       " or later, this one is 1." + std::to_string(AIP_ABI_MINOR));
    if (plugin.kind != note.kind) return refuse("its descriptor names another kind than its note");
    if (plugin.name == nullptr || std::string(nameOfKind(plugin.kind)) + "-" + plugin.name != name)
        return refuse("it calls itself \"" + std::string(nameOfKind(plugin.kind)) + "-" + (plugin.name != nullptr ? plugin.name : "") +
                      "\", the file is called \"" + std::string(name) + "\"");
    const bool whole = plugin.version != nullptr && plugin.vendor != nullptr && plugin.config_schema_json != nullptr &&
                       plugin.create != nullptr && plugin.start != nullptr && plugin.health != nullptr && plugin.describe != nullptr &&
                       plugin.stop != nullptr && plugin.destroy != nullptr && plugin.ops != nullptr;
    if (!whole) return refuse("its descriptor has a member that must not be null and is");
    if ((plugin.flags & AIP_F_RECONFIGURE) != 0 && plugin.reconfigure == nullptr)
        return refuse("it says AIP_F_RECONFIGURE and has no reconfigure");
    return {};
}

}  // namespace agentidp::plugin
