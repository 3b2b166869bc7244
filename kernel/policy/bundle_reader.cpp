/// Reads a directory of hooks. Every file is opened relative to a folder that was judged, and judged itself once it is open, so that
/// nothing can be put in its place between the look and the read.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "policy/bundle.h"

namespace agentidp::policy {
namespace {

/// Above every bound of a file, so that a file over its bound is told by bundleOf() in the same words as everywhere.
constexpr std::size_t kMostRead = std::max({kMaxScriptBytes, kMaxDocumentBytes, kMaxTestBytes}) + 1;
constexpr std::size_t kMostEntries = 4096;
constexpr std::size_t kMaxSignatureBytes = 16U << 10U;

class Handle {
public:
    explicit Handle(int fd) : fd_(fd) {}
    ~Handle() {
        if (fd_ >= 0) ::close(fd_);
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool ok() const { return fd_ >= 0; }

private:
    int fd_;
};

class Reader {
public:
    BundleReading read(const std::string& directory) {
        const Handle root(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!root.ok()) {
            complain(directory, reason(), "make the folder, or set hooks.dir to the one that holds the hooks");
            return std::move(out_);
        }
        if (judged(root.fd(), directory)) {
            folder(root.fd(), "");
            for (const std::string sub : {"data", "tests"}) {
                const Handle inner(::openat(root.fd(), sub.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
                if (inner.ok()) {
                    if (judged(inner.fd(), sub)) folder(inner.fd(), sub + "/");
                } else if (errno != ENOENT) {
                    complain(sub, errno == ELOOP || errno == ENOTDIR ? "is no folder" : reason(),
                             "put the folder itself there; links are not followed");
                }
            }
        }
        auto reading = bundleOf(std::move(files_), std::move(signature_));
        out_.bundle = std::move(reading.bundle);
        out_.complaints.insert(out_.complaints.end(), reading.complaints.begin(), reading.complaints.end());
        return std::move(out_);
    }

private:
    static std::string reason() { return std::string("cannot be read: ") + std::strerror(errno); }
    void complain(const std::string& file, std::string text, std::string mend) {
        out_.complaints.push_back({file, 0, std::move(text), std::move(mend)});
    }

    bool judged(int fd, const std::string& name) {
        struct stat info {};
        if (::fstat(fd, &info) != 0) {
            complain(name, reason(), "let the daemon's user read it");
            return false;
        }
        if ((info.st_mode & S_IWOTH) != 0) {
            complain(name, "may be written by anybody", "chmod o-w " + name);
            return false;
        }
        return true;
    }

    void folder(int fd, const std::string& prefix) {
        const int again = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const std::unique_ptr<DIR, int (*)(DIR*)> listing(again < 0 ? nullptr : ::fdopendir(again), &::closedir);
        if (!listing) {
            if (again >= 0) ::close(again);
            complain(prefix.empty() ? "." : prefix, reason(), "let the daemon's user read it");
            return;
        }
        std::vector<std::string> names;
        while (const auto* entry = ::readdir(listing.get())) {
            const std::string name = entry->d_name;
            if (name.front() != '.') names.push_back(name);
            if (names.size() > kMostEntries) {
                complain(prefix.empty() ? "." : prefix, "has over " + std::to_string(kMostEntries) + " entries",
                         "keep nothing but hooks there");
                return;
            }
        }
        std::sort(names.begin(), names.end());
        for (const auto& name : names) entry(fd, prefix, name);
    }

    void entry(int fd, const std::string& prefix, const std::string& name) {
        const bool top = prefix.empty();
        const std::string file = prefix + name;
        if (top && (name == "data" || name == "tests")) return;
        if (top && name == kSignatureFile) {
            if (auto text = contentOf(fd, name, file, kMaxSignatureBytes)) signature_ = std::move(*text);
            return;
        }
        if (!roleOf(file)) {
            notPart(file, name);
            return;
        }
        // One over the bound is enough to be refused; nobody needs to read thousands.
        if (files_.size() > kMaxBundleFiles) return;
        if (auto text = contentOf(fd, name, file, kMostRead)) files_.push_back({file, std::move(*text), {}});
    }

    void notPart(const std::string& file, const std::string& name) {
        if (name.ends_with(".md") || name.ends_with(".txt")) return;
        Complaint warning{file, 0, "is no part of a bundle and is not read", "take it out", false};
        if (name == "authz.wasm") {
            warning.text = "is a compiled OPA policy, which nothing here runs";
            warning.mend = "say what it says in a hook (docs/hook-authors/for-people-who-know-opa.md), then take it out";
        } else if (name.ends_with(".lua") || name.ends_with(".json")) {
            // Meant to be part of it: a policy that is silently not there would be the worst answer.
            warning.fatal = true;
            warning.mend = "name it with letters, digits, '_', '-' and '.'; documents belong into data/, test cases into tests/";
        }
        out_.complaints.push_back(std::move(warning));
    }

    std::optional<std::string> contentOf(int folder, const std::string& name, const std::string& file, std::size_t most) {
        const Handle handle(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!handle.ok()) {
            if (errno == ELOOP)
                complain(file, "is a link", "put the file itself there; links are not followed");
            else
                complain(file, reason(), "let the daemon's user read it");
            return std::nullopt;
        }
        struct stat info {};
        if (::fstat(handle.fd(), &info) != 0 || !S_ISREG(info.st_mode)) {
            complain(file, "is no regular file", "put a file there");
            return std::nullopt;
        }
        if (!judged(handle.fd(), file)) return std::nullopt;
        std::string text;
        std::string piece(64U << 10U, '\0');
        while (text.size() < most) {
            const auto got = ::read(handle.fd(), piece.data(), std::min(piece.size(), most - text.size()));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) {
                complain(file, reason(), "let the daemon's user read it");
                return std::nullopt;
            }
            if (got == 0) break;
            text.append(piece, 0, static_cast<std::size_t>(got));
        }
        return text;
    }

    BundleReading out_;
    std::vector<BundleFile> files_;
    std::string signature_;
};

}  // namespace

BundleReading readBundle(const std::string& directory) { return Reader().read(directory); }

}  // namespace agentidp::policy
