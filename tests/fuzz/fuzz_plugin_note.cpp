/// Any bytes as a plugin's file: the note is read, or refused, without running anything of it.
#include <sys/mman.h>
#include <unistd.h>

#include "byte_input.h"
#include "plugin/elf_note.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    static const int kFile = ::memfd_create("plugin", MFD_CLOEXEC);
    fuzz::require(kFile >= 0 && ::ftruncate(kFile, 0) == 0);
    fuzz::require(::pwrite(kFile, data, size, 0) == static_cast<ssize_t>(size));
    const auto note = plugin::readElfNote(kFile);
    fuzz::require(!note || size >= 64);
    return 0;
}
