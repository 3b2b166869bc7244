#include "plugin/elf_reader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace agentidp::plugin {
namespace {

constexpr std::uint64_t kMaxSegments = 256;
#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr Elf64_Half kMachine = EM_RISCV;
#else
#error "name this machine's ELF number here"
#endif

}  // namespace

base::Result<ElfReader> ElfReader::open(int fd) {
    struct stat about {};
    if (fstat(fd, &about) != 0) return base::fail(base::Errc::Unavailable, std::string("it cannot be read: ") + std::strerror(errno));
    ElfReader reader(fd, static_cast<std::uint64_t>(about.st_size));
    const auto head = reader.table<Elf64_Ehdr>(0, sizeof(Elf64_Ehdr), sizeof(Elf64_Ehdr));
    if (!head) return base::fail(base::Errc::Invalid, "it is not an ELF file");
    const Elf64_Ehdr& header = head->front();
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return base::fail(base::Errc::Invalid, "it is not an ELF file");
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != kMachine)
        return base::fail(base::Errc::Invalid, "it was built for another machine");
    if (header.e_type != ET_DYN) return base::fail(base::Errc::Invalid, "it is not a shared object");
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > kMaxSegments)
        return base::fail(base::Errc::Invalid, "its program header is damaged");
    auto segments =
        reader.table<Elf64_Phdr>(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr), kMaxSegments * sizeof(Elf64_Phdr));
    if (!segments) return base::fail(base::Errc::Invalid, "its program header is damaged");
    reader.header_ = header;
    reader.segments_ = std::move(*segments);
    return reader;
}

base::Result<std::vector<std::uint8_t>> ElfReader::bytes(std::uint64_t offset, std::uint64_t size, std::uint64_t most) const {
    if (size > most || offset > size_ || size > size_ - offset)
        return base::fail(base::Errc::Invalid, "a part of it lies outside the file");
    std::vector<std::uint8_t> out(size);
    std::size_t have = 0;
    while (have < out.size()) {
        const ssize_t got = pread(fd_, out.data() + have, out.size() - have, static_cast<off_t>(offset + have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return base::fail(base::Errc::Invalid, "a part of it lies outside the file");
        have += static_cast<std::size_t>(got);
    }
    return out;
}

}  // namespace agentidp::plugin
