#pragma once
/// @file kernel/plugin/shared_object.h
/// A plugin's file: opened once, judged, measured and loaded through that one descriptor, so that what was checked is what
/// runs. Loaded for the life of the process; its descriptor stays open as long, because the loader remembers it by number.
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "agentidp/plugin.h"
#include "base/result.h"
#include "plugin/elf_note.h"

namespace agentidp::plugin {

/// An open plugin file that nobody but root and `owner` could have written or replaced.
class PluginFile {
public:
    /// What to do with a file or folder that others own or may write.
    enum class Distrust { Refuse, Tell };

    /// Opens `path` step by step from the root, following no link. Errors: NotFound (the last component only), Denied (a link, a
    /// foreign owner, group- or world-writable; a sticky folder of root's such as /tmp passes), Unavailable.
    static base::Result<PluginFile> open(const std::string& path, uid_t owner, Distrust distrust = Distrust::Refuse);
    PluginFile(PluginFile&& other) noexcept;
    PluginFile& operator=(PluginFile&& other) = delete;
    PluginFile(const PluginFile&) = delete;
    PluginFile& operator=(const PluginFile&) = delete;
    ~PluginFile();

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    /// Of the whole file, lower-case hexadecimal.
    [[nodiscard]] base::Result<std::string> sha256() const;
    /// With Distrust::Tell: what would have been refused, one sentence each.
    [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
    /// The descriptor from now on belongs to the process and is never closed.
    int keepOpen();

private:
    PluginFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    int fd_ = -1;
    std::string path_;
    std::vector<std::string> warnings_;
};

/// Loads the file and answers its descriptor, not yet looked at. Runs code of the file. Errors: Invalid (the loader refuses it),
/// NotFound (no entry symbol), Conflict (the loader gave another file that was loaded before), Internal (the entry threw).
base::Result<const aip_plugin*> loadPlugin(PluginFile& file);

/// Whether the descriptor is whole, of this ABI, and what its note and file name (as in "keys-file") say it is.
[[nodiscard]] base::Result<void> checkDescriptor(const aip_plugin& plugin, const ElfNote& note, std::string_view name);

/// "storage" for AIP_KIND_STORAGE and so on; empty for an unknown number.
[[nodiscard]] std::string_view nameOfKind(std::uint32_t kind);
/// 0 for an unknown noun.
[[nodiscard]] std::uint32_t kindOfName(std::string_view noun);

}  // namespace agentidp::plugin
