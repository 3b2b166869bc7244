#pragma once
/// @file kernel/app/data_folder.h
/// The data directory: made private, locked by one process at a time, and left alone by whoever is refused.
#include <string>

#include "base/result.h"

namespace agentidp::app {

/// Absolute form of a path of the settings, against the current directory.
[[nodiscard]] std::string absolutePath(const std::string& path);

/// Makes `path` (0700) if it is missing; refuses what is no directory or cannot be written. The hint names the setting.
[[nodiscard]] base::Result<void> makePrivateFolder(const std::string& path, std::string_view setting);

/// Held as long as it lives. The kernel of the machine frees it with the process, however that ends.
class DataLock {
public:
    /// Errc::Conflict: another process holds it; the hint says which.
    static base::Result<DataLock> take(const std::string& dataDir);
    DataLock(DataLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
    DataLock& operator=(DataLock&& other) noexcept;
    DataLock(const DataLock&) = delete;
    DataLock& operator=(const DataLock&) = delete;
    ~DataLock();

private:
    explicit DataLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

/// Writes a file whole or not at all, 0600, durable before it returns.
[[nodiscard]] base::Result<void> writePrivateFile(const std::string& path, std::string_view content);
[[nodiscard]] base::Result<std::string> readSmallFile(const std::string& path);

/// This process's name among replicas, kept in `<data.dir>/replica` across restarts.
[[nodiscard]] base::Result<std::string> replicaName(const std::string& dataDir);

}  // namespace agentidp::app
