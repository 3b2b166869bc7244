#include "audit/anchors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace agentidp::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLatest = "latest";
constexpr std::string_view kHourly = "checkpoint-";
constexpr std::size_t kMaxNoteBytes = 64U << 10U;
constexpr std::size_t kSizeDigits = 20;

base::Error failed(std::string what, const fs::path& path) {
    const int error = errno;
    return base::fail(base::Errc::Unavailable, "a checkpoint could not be kept",
                      std::move(what) + " " + path.string() + ": " + std::strerror(error));
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

base::Result<void> writeWhole(const fs::path& folder, const std::string& name, const std::string& text) {
    const fs::path target = folder / name;
    const fs::path temporary = folder / ("." + name + "." + std::to_string(::getpid()));
    {
        const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
        if (file.get() < 0) return failed("cannot open", temporary);
        for (std::size_t at = 0; at < text.size();) {
            const auto wrote = ::write(file.get(), text.data() + at, text.size() - at);
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return failed("cannot write", temporary);
            at += static_cast<std::size_t>(wrote);
        }
        if (::fsync(file.get()) != 0) return failed("cannot sync", temporary);
    }
    if (::rename(temporary.c_str(), target.c_str()) != 0) return failed("cannot rename to", target);
    const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0 || ::fsync(directory.get()) != 0) return failed("cannot sync", folder);
    return {};
}

base::Result<AnchoredNote> readWhole(const fs::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return failed("cannot open", path);
    AnchoredNote note{path.string(), {}};
    std::array<char, 4096> piece{};
    for (;;) {
        const auto got = ::read(file.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("cannot read", path);
        if (got == 0) return note;
        note.note.append(piece.data(), static_cast<std::size_t>(got));
        if (note.note.size() > kMaxNoteBytes) return base::fail(base::Errc::Invalid, "not a checkpoint", path.string() + " is too long");
    }
}

std::string hourlyName(std::uint64_t size) {
    const std::string digits = std::to_string(size);
    return std::string(kHourly) + std::string(kSizeDigits - digits.size(), '0') + digits;
}

}  // namespace

base::Result<void> writeAnchor(const AnchorFolder& place, const SignedCheckpoint& checkpoint, base::Instant at) {
    std::error_code error;
    if (fs::create_directories(place.folder, error); error) {
        errno = error.value();
        return failed("cannot make", place.folder);
    }
    if (auto done = writeWhole(place.folder, std::string(kLatest), checkpoint.note); !done) return done;
    if (place.keeps == AnchorFolder::Keeps::Latest) return {};
    // The file of an hour is the first checkpoint in it; its time is the file's own, so that a restart does not lose count.
    const auto hour = std::chrono::floor<std::chrono::hours>(at);
    std::string newest;
    for (const auto& entry : fs::directory_iterator(place.folder, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(kHourly)) newest = std::max(newest, name);
    }
    struct stat facts {};
    if (!newest.empty() && ::stat((place.folder / newest).c_str(), &facts) == 0) {
        const base::Instant written = base::Instant(base::seconds(facts.st_mtime));
        if (std::chrono::floor<std::chrono::hours>(written) == hour) return {};
    }
    return writeWhole(place.folder, hourlyName(checkpoint.checkpoint.head.size), checkpoint.note);
}

base::Result<std::vector<AnchoredNote>> readAnchors(const std::vector<AnchorFolder>& places) {
    std::vector<AnchoredNote> notes;
    for (const auto& place : places) {
        std::error_code error;
        if (!fs::exists(place.folder, error)) continue;
        std::string newest;
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(place.folder, error)) {
            const std::string name = entry.path().filename().string();
            if (name == kLatest) names.push_back(name);
            if (name.starts_with(kHourly)) newest = std::max(newest, name);
        }
        if (error) {
            errno = error.value();
            return failed("cannot list", place.folder);
        }
        if (!newest.empty()) names.push_back(newest);
        for (const auto& name : names) {
            auto note = readWhole(place.folder / name);
            if (!note) return std::move(note).error();
            notes.push_back(std::move(*note));
        }
    }
    return notes;
}

}  // namespace agentidp::audit
