#pragma once
/// @file plugins/storage-sqlite/file.h
/// The database as a file: made with mode 0600, looked at before SQLite may touch it, copied and put in place.
#include <agentidp/plugin.hpp>
#include <cstdint>
#include <string>

namespace agentidp::storage_sqlite {

/// "AIDP" in the header of each database of ours (PRAGMA application_id).
constexpr std::int64_t kApplicationId = 0x41494450;

enum class FileState { Absent, Empty, Present };
/// AIP_E_UNAVAILABLE where the header is not that of a sound SQLite database, or the path is no regular file.
[[nodiscard]] aip::Outcome<FileState> lookAt(const std::string& path);

/// Makes an empty file of mode 0600, and its name durable. AIP_OK if an empty one is there.
[[nodiscard]] aip::Status makeEmpty(const std::string& path);

/// A new file beside `path` of mode 0600 that is removed when this goes, unless it was put in place.
class TemporaryFile {
public:
    [[nodiscard]] static aip::Outcome<TemporaryFile> beside(const std::string& path, const char* purpose);
    TemporaryFile(TemporaryFile&& other) noexcept;
    TemporaryFile& operator=(TemporaryFile&&) = delete;
    ~TemporaryFile();
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// Makes it durable as `target`, which is absent or empty.
    aip::Status moveTo(const std::string& target);

private:
    TemporaryFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
    std::string path_;
    int descriptor_;
};

/// Which file an open path names: another one there means that ours was removed or replaced.
struct FileId {
    std::uint64_t device = 0, inode = 0;
    bool operator==(const FileId& other) const { return device == other.device && inode == other.inode; }
};
[[nodiscard]] FileId idOf(const std::string& path);

}  // namespace agentidp::storage_sqlite
