#include "cli/backup/backup_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/text.h"

namespace agentidp::cli {
namespace {

using base::Errc;
using base::fail;

constexpr std::string_view kMagic = "agentidp-backup/1 ";
constexpr std::string_view kEnd = "\nagentidp-backup-end ";
constexpr std::size_t kTrailer = kEnd.size() + 64 + 1;
constexpr std::size_t kMostHeader = 64U << 10U;
constexpr std::size_t kPiece = 256U << 10U;

std::string why() { return std::strerror(errno); }

base::Error broken(const std::string& path, const std::string& what) {
    return fail(Errc::Invalid, path + ": " + what + "; nothing was restored");
}

/// All of `into`, from `at`. False at an early end or an error.
bool readWhole(int descriptor, std::span<std::uint8_t> into, std::uint64_t at) {
    while (!into.empty()) {
        const auto got = ::pread(descriptor, into.data(), into.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += static_cast<std::uint64_t>(got);
        into = into.subspan(static_cast<std::size_t>(got));
    }
    return true;
}

base::Result<crypto::Digest256> digestOf(int descriptor, std::uint64_t size, const std::function<void(std::uint64_t)>& told) {
    crypto::Sha256 digest;
    base::Bytes piece(kPiece);
    for (std::uint64_t at = 0; at < size;) {
        const auto part = std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - at)));
        if (!readWhole(descriptor, part, at)) return fail(Errc::Unavailable, "it cannot be read: " + why());
        digest.update(part);
        at += part.size();
        if (told) told(at);
    }
    return digest.finish();
}

}  // namespace

base::json::Value BackupHeader::json() const {
    using base::json::Object;
    return Object{{"backend", backend},
                  {"schema", schema},
                  {"ledger", Object{{"origin", origin}, {"size", static_cast<std::int64_t>(ledgerSize)}, {"checkpoint", checkpoint}}},
                  {"takenAt", base::rfc3339(takenAt)},
                  {"program", program}};
}

base::Result<BackupHeader> BackupHeader::of(const base::json::Value& value) {
    const auto* ledger = value.find("ledger");
    const auto taken = base::parseRfc3339(value.textOr("takenAt", ""));
    BackupHeader out;
    out.backend = value.textOr("backend", "");
    out.schema = value.intOr("schema", -1);
    const auto size = ledger != nullptr ? ledger->intOr("size", -1) : -1;
    if (out.backend.empty() || out.schema < 1 || size < 0 || !taken) return fail(Errc::Invalid, "its first line is not one of a backup");
    out.origin = ledger->textOr("origin", "");
    out.checkpoint = ledger->textOr("checkpoint", "");
    out.ledgerSize = static_cast<std::uint64_t>(size);
    out.takenAt = *taken;
    out.program = value.textOr("program", "");
    return out;
}

base::Result<BackupWriter> BackupWriter::open(const std::string& path) {
    if (path == "-") {
        if (::isatty(STDOUT_FILENO) == 1) return fail(Errc::Invalid, "a backup is no text: send standard output to a file or a program");
        return BackupWriter(path, {}, ::dup(STDOUT_FILENO));
    }
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) return fail(Errc::Exists, path + " exists, and a backup overwrites nothing; name another file");
    std::string temporary = path + ".part-XXXXXX";
    const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
    if (descriptor < 0) return fail(Errc::Unavailable, path + " cannot be written: " + why());
    return BackupWriter(path, std::move(temporary), descriptor);
}

BackupWriter::BackupWriter(BackupWriter&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      digest_(std::move(other.digest_)),
      bytes_(other.bytes_) {}

BackupWriter::~BackupWriter() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

base::Result<void> BackupWriter::put(base::BytesView piece) {
    while (!piece.empty()) {
        const auto written = ::write(descriptor_, piece.data(), piece.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return fail(Errc::Unavailable, path_ + " cannot be written: " + why());
        piece = piece.subspan(static_cast<std::size_t>(written));
        bytes_ += static_cast<std::uint64_t>(written);
    }
    return {};
}

base::Result<void> BackupWriter::write(base::BytesView piece) {
    digest_.update(piece);
    return put(piece);
}

base::Result<void> BackupWriter::begin(const BackupHeader& header) {
    return write(base::bytesOf(std::string(kMagic) + base::json::write(header.json()) + "\n"));
}

base::Result<void> BackupWriter::finish() {
    const auto trailer = std::string(kEnd) + base::hex(digest_.finish()) + "\n";
    if (auto done = put(base::bytesOf(trailer)); !done) return done;
    if (temporary_.empty()) return {};
    if (::fsync(descriptor_) != 0) return fail(Errc::Unavailable, path_ + " cannot be written: " + why());
    // link() refuses a name that is taken, which rename() does not.
    if (::link(temporary_.c_str(), path_.c_str()) != 0)
        return errno == EEXIST ? fail(Errc::Exists, path_ + " was made by somebody else meanwhile; name another file")
                               : fail(Errc::Unavailable, path_ + " cannot be made: " + why());
    const auto parent = std::filesystem::path(path_).parent_path();
    const int folder = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        ::fsync(folder);
        ::close(folder);
    }
    return {};
}

base::Result<BackupReader> BackupReader::open(const std::string& path, const std::function<void(std::uint64_t)>& told) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return fail(errno == ENOENT ? Errc::NotFound : Errc::Unavailable, path + " cannot be read: " + why());
    BackupReader made(descriptor);
    struct stat info {};
    if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) return broken(path, "it is not a file");
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (size < kMagic.size() + kTrailer) return broken(path, "it is no backup of agentidp, or it was cut off");

    base::Bytes head(static_cast<std::size_t>(std::min<std::uint64_t>(size, kMostHeader)));
    base::Bytes trailer(kTrailer);
    if (!readWhole(descriptor, head, 0) || !readWhole(descriptor, trailer, size - kTrailer)) return broken(path, "it cannot be read");
    const auto text = base::textOf(head);
    const auto line = text.find('\n');
    if (!text.starts_with(kMagic) || line == std::string_view::npos) return broken(path, "it is no backup of agentidp");
    if (!base::textOf(trailer).starts_with(kEnd)) return broken(path, "it was cut off: its last line is missing");
    const auto digest = digestOf(descriptor, size - kTrailer, told);
    if (!digest) return broken(path, digest.error().hint);
    if (base::textOf(trailer).substr(kEnd.size(), 64) != base::hex(*digest)) return broken(path, "it was changed since it was made");

    const auto parsed = base::json::parse(text.substr(kMagic.size(), line - kMagic.size()));
    auto header = parsed ? BackupHeader::of(*parsed) : base::Result<BackupHeader>(parsed.error());
    if (!header) return broken(path, header.error().hint);
    made.header_ = std::move(*header);
    made.begin_ = made.at_ = line + 1;
    made.end_ = size - kTrailer;
    return made;
}

BackupReader::BackupReader(BackupReader&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      header_(std::move(other.header_)),
      begin_(other.begin_),
      end_(other.end_),
      at_(other.at_) {}

BackupReader::~BackupReader() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::int64_t BackupReader::read(std::span<std::uint8_t> into) {
    const auto part = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), end_ - at_)));
    if (part.empty()) return 0;
    if (!readWhole(descriptor_, part, at_)) return -1;
    at_ += part.size();
    return static_cast<std::int64_t>(part.size());
}

}  // namespace agentidp::cli
