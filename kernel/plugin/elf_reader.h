#pragma once
/// @file kernel/plugin/elf_reader.h
/// Reads an ELF64 file by position, never by the sizes it claims: every read is checked against the file's real length. Private
/// to this folder.
#include <elf.h>

#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/result.h"

namespace agentidp::plugin {

/// Borrows the descriptor and never moves its offset.
class ElfReader {
public:
    /// Errc::Invalid if it is no 64-bit little-endian shared object for this machine.
    static base::Result<ElfReader> open(int fd);

    [[nodiscard]] const std::vector<Elf64_Phdr>& segments() const { return segments_; }
    [[nodiscard]] const Elf64_Ehdr& header() const { return header_; }
    /// Bytes [offset, offset + size); Errc::Invalid if they are not all in the file or are more than `most`.
    [[nodiscard]] base::Result<std::vector<std::uint8_t>> bytes(std::uint64_t offset, std::uint64_t size, std::uint64_t most) const;
    /// The same as an array of `Record`; what is left over at the end is dropped.
    template <class Record>
    [[nodiscard]] base::Result<std::vector<Record>> table(std::uint64_t offset, std::uint64_t size, std::uint64_t most) const {
        static_assert(std::is_trivially_copyable_v<Record>);
        auto raw = bytes(offset, size - size % sizeof(Record), most);
        if (!raw) return raw.error();
        std::vector<Record> records(raw->size() / sizeof(Record));
        if (!records.empty()) __builtin_memcpy(records.data(), raw->data(), raw->size());
        return records;
    }

private:
    ElfReader(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

    int fd_;
    std::uint64_t size_;
    Elf64_Ehdr header_{};
    std::vector<Elf64_Phdr> segments_;
};

}  // namespace agentidp::plugin
