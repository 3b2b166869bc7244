#include "plugin/elf_note.h"

#include <cstring>
#include <optional>

#include "agentidp/plugin.h"
#include "plugin/elf_reader.h"

namespace agentidp::plugin {
namespace {

constexpr std::uint64_t kMaxNotes = 64U << 10U;

/// Steps through one note segment. False if it is damaged.
bool scan(const std::vector<std::uint8_t>& notes, std::uint64_t align, std::vector<ElfNote>& found) {
    const auto padded = [align](std::uint64_t size) { return (size + align - 1) / align * align; };
    std::uint64_t at = 0;
    while (at + sizeof(Elf64_Nhdr) <= notes.size()) {
        Elf64_Nhdr head{};
        std::memcpy(&head, notes.data() + at, sizeof head);
        const std::uint64_t name = at + sizeof head;
        const std::uint64_t desc = name + padded(head.n_namesz);
        const std::uint64_t end = desc + head.n_descsz;
        if (end > notes.size()) return false;
        aip_note wanted{};
        if (head.n_type == AIP_NOTE_TYPE && head.n_namesz == sizeof AIP_NOTE_OWNER &&
            std::memcmp(notes.data() + name, AIP_NOTE_OWNER, sizeof AIP_NOTE_OWNER) == 0) {
            if (head.n_descsz != sizeof wanted.desc) return false;
            std::memcpy(wanted.desc, notes.data() + desc, sizeof wanted.desc);
            found.push_back({wanted.desc[0], wanted.desc[1], wanted.desc[2]});
        }
        at = desc + padded(head.n_descsz);
    }
    return true;
}

}  // namespace

base::Result<ElfNote> readElfNote(int fd) {
    const auto file = ElfReader::open(fd);
    if (!file) return file.error();
    std::vector<ElfNote> found;
    for (const auto& segment : file->segments()) {
        if (segment.p_type != PT_NOTE) continue;
        const auto notes = file->bytes(segment.p_offset, segment.p_filesz, kMaxNotes);
        if (!notes || !scan(*notes, segment.p_align == 8 ? 8 : 4, found)) return base::fail(base::Errc::Invalid, "its notes are damaged");
    }
    if (found.empty()) return base::fail(base::Errc::NotFound, "it carries no AgentIdP note, so it is no plugin");
    if (found.size() > 1) return base::fail(base::Errc::Exists, "it carries more than one AgentIdP note");
    return found.front();
}

}  // namespace agentidp::plugin
