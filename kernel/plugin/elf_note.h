#pragma once
/// @file kernel/plugin/elf_note.h
/// The note by which a file says that it is a plugin, of which kind, for which ABI: read before the loader runs any code of it.
#include <cstdint>

#include "base/result.h"

namespace agentidp::plugin {

struct ElfNote {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint32_t kind = 0;  ///< AIP_KIND_*, not checked here
};

/// Reads the note "AgentIdP" of `fd` (plugin.h, AIP_NOTE_SECTION) from its note segments, so a stripped file will do. Errors:
/// Invalid (no shared object of this machine, or damaged), NotFound (a shared object without the note), Exists (with two notes).
[[nodiscard]] base::Result<ElfNote> readElfNote(int fd);

}  // namespace agentidp::plugin
