#include "plugin/elf_facts.h"

#include <algorithm>

#include "plugin/elf_reader.h"

namespace agentidp::plugin {
namespace {

constexpr std::uint64_t kMaxSections = 4096;
constexpr std::uint64_t kMaxTable = 64U << 20U;

base::Error damaged(const char* part) {
    return base::fail(base::Errc::Invalid, std::string("its ") + part + " is damaged or was stripped");
}

/// The NUL-terminated text at `at`; empty where it is outside.
std::string textAt(const std::vector<std::uint8_t>& strings, std::uint64_t at) {
    if (at >= strings.size()) return {};
    const auto begin = strings.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = std::find(begin, strings.end(), std::uint8_t{0});
    return end == strings.end() ? std::string() : std::string(begin, end);
}

void readDynamic(const std::vector<Elf64_Dyn>& entries, const std::vector<std::uint8_t>& strings, ElfFacts& facts) {
    for (const auto& entry : entries) {
        switch (entry.d_tag) {
            case DT_NULL: return;
            case DT_NEEDED: facts.needed.push_back(textAt(strings, entry.d_un.d_val)); break;
            case DT_RPATH:
            case DT_RUNPATH: facts.runPath = textAt(strings, entry.d_un.d_val); break;
            case DT_TEXTREL: facts.textRelocations = true; break;
            case DT_BIND_NOW: facts.bindNow = true; break;
            case DT_FLAGS:
                facts.bindNow |= (entry.d_un.d_val & DF_BIND_NOW) != 0;
                facts.textRelocations |= (entry.d_un.d_val & DF_TEXTREL) != 0;
                break;
            case DT_FLAGS_1: facts.bindNow |= (entry.d_un.d_val & DF_1_NOW) != 0; break;
            default: break;
        }
    }
}

void readExports(const std::vector<Elf64_Sym>& symbols, const std::vector<std::uint8_t>& strings, ElfFacts& facts) {
    for (const auto& symbol : symbols) {
        const auto binding = ELF64_ST_BIND(symbol.st_info);
        const auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
        if (symbol.st_shndx == SHN_UNDEF || binding == STB_LOCAL || visibility == STV_HIDDEN || visibility == STV_INTERNAL) continue;
        facts.exports.push_back(textAt(strings, symbol.st_name));
    }
}

}  // namespace

base::Result<ElfFacts> readElfFacts(int fd) {
    const auto file = ElfReader::open(fd);
    if (!file) return file.error();
    ElfFacts facts;
    for (const auto& segment : file->segments()) {
        facts.relro |= segment.p_type == PT_GNU_RELRO;
        facts.executableStack |= segment.p_type == PT_GNU_STACK && (segment.p_flags & PF_X) != 0;
    }
    const auto& header = file->header();
    if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0 || header.e_shnum > kMaxSections) return damaged("section table");
    const auto sections = file->table<Elf64_Shdr>(header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr), kMaxTable);
    if (!sections) return damaged("section table");
    bool sawDynamic = false;
    for (const auto& section : *sections) {
        if (section.sh_type != SHT_DYNAMIC && section.sh_type != SHT_DYNSYM) continue;
        if (section.sh_link >= sections->size()) return damaged("dynamic section");
        const auto& linked = (*sections)[section.sh_link];
        const auto strings = file->bytes(linked.sh_offset, linked.sh_size, kMaxTable);
        if (!strings) return damaged("string table");
        if (section.sh_type == SHT_DYNAMIC) {
            const auto entries = file->table<Elf64_Dyn>(section.sh_offset, section.sh_size, kMaxTable);
            if (!entries) return damaged("dynamic section");
            readDynamic(*entries, *strings, facts);
            sawDynamic = true;
        } else {
            const auto symbols = file->table<Elf64_Sym>(section.sh_offset, section.sh_size, kMaxTable);
            if (!symbols) return damaged("symbol table");
            readExports(*symbols, *strings, facts);
        }
    }
    if (!sawDynamic) return damaged("dynamic section");
    return facts;
}

}  // namespace agentidp::plugin
