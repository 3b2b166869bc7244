#pragma once
/// @file kernel/audit/anchors.h
/// Checkpoints as files: the memory that a restored database does not have. Each folder holds `latest`; one that keeps hourly
/// notes also has `checkpoint-<size>` files, which are never removed. Files are written whole or not at all.
#include <filesystem>
#include <string>
#include <vector>

#include "audit/checkpoint.h"

namespace agentidp::audit {

struct AnchorFolder {
    enum class Keeps { Latest, Hourly };
    std::filesystem::path folder;
    Keeps keeps = Keeps::Latest;
};

struct AnchoredNote {
    std::string path;
    std::string note;
};

/// Blocks for the disk. The folder is made if it is missing (0700). Errc::Unavailable names the file.
[[nodiscard]] base::Result<void> writeAnchor(const AnchorFolder& place, const SignedCheckpoint& checkpoint, base::Instant at);
/// `latest` and the hourly note of the largest size; nothing from a folder that does not exist.
[[nodiscard]] base::Result<std::vector<AnchoredNote>> readAnchors(const std::vector<AnchorFolder>& places);

}  // namespace agentidp::audit
