#pragma once
/// @file kernel/cli/backup/backup_file.h
/// The file of `agentidp backup`: one line that says what it is, the storage plugin's own stream, one line with the SHA-256 of
/// everything before it. Nothing of it is believed before that digest was compared.
///
///   agentidp-backup/1 {"backend":"sqlite","schema":2,"ledger":{...},"takenAt":"...","program":"0.1.0"}\n
///   the stream, any bytes
///   \nagentidp-backup-end <64 hexadecimal digits>\n
///
/// Blocking file work; one thread at a time.
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "crypto/hash.h"

namespace agentidp::cli {

struct BackupHeader {
    std::string backend;      ///< Storage::backend() of the plugin whose stream it is
    std::int64_t schema = 0;  ///< steps of the schema behind it
    std::string origin;       ///< of the ledger
    /// The ledger had so many entries when the copy began; the copy holds these, and maybe some that came since.
    std::uint64_t ledgerSize = 0;
    std::string checkpoint;  ///< the newest signed note then; empty where none was signed yet
    base::Instant takenAt;
    std::string program;  ///< version of the program that made it

    [[nodiscard]] base::json::Value json() const;
    /// Errc::Invalid for anything `json` would not have made.
    static base::Result<BackupHeader> of(const base::json::Value& value);
};

/// Writes a backup that appears whole or not at all, 0600, and never in place of a file that is there.
class BackupWriter {
public:
    /// `path` is a file to be made, or "-" for standard output. Errc::Exists: something lies there. Errc::Unavailable: it cannot be made.
    static base::Result<BackupWriter> open(const std::string& path);
    BackupWriter(BackupWriter&& other) noexcept;
    BackupWriter& operator=(BackupWriter&&) = delete;
    BackupWriter(const BackupWriter&) = delete;
    /// Without finish() nothing is left behind.
    ~BackupWriter();

    [[nodiscard]] base::Result<void> begin(const BackupHeader& header);
    [[nodiscard]] base::Result<void> write(base::BytesView piece);
    /// Durable, and under its name. Errc::Exists: somebody made that file meanwhile.
    [[nodiscard]] base::Result<void> finish();
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    BackupWriter(std::string path, std::string temporary, int descriptor)
        : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}
    [[nodiscard]] base::Result<void> put(base::BytesView piece);

    std::string path_;
    std::string temporary_;  ///< empty on standard output
    int descriptor_;
    crypto::Sha256 digest_;
    std::uint64_t bytes_ = 0;
};

/// A backup that was looked at from end to end and agrees with its digest.
class BackupReader {
public:
    /// `told` hears how many bytes were looked at so far. Errc::NotFound; Errc::Invalid: no backup, cut off, or changed since.
    static base::Result<BackupReader> open(const std::string& path, const std::function<void(std::uint64_t)>& told);
    BackupReader(BackupReader&& other) noexcept;
    BackupReader& operator=(BackupReader&&) = delete;
    BackupReader(const BackupReader&) = delete;
    ~BackupReader();

    [[nodiscard]] const BackupHeader& header() const { return header_; }
    /// The plugin's stream: fills up to `into`, 0 at the end, negative on an error of the disk.
    [[nodiscard]] std::int64_t read(std::span<std::uint8_t> into);
    [[nodiscard]] std::uint64_t streamBytes() const { return end_ - begin_; }

private:
    explicit BackupReader(int descriptor) : descriptor_(descriptor) {}

    int descriptor_;
    BackupHeader header_;
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
    std::uint64_t at_ = 0;
};

}  // namespace agentidp::cli
