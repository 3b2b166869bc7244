#pragma once
/// @file kernel/plugin/elf_facts.h
/// What can be said of a shared object without running it: how it was linked, what it needs, what it exports.
#include <string>
#include <vector>

#include "base/result.h"

namespace agentidp::plugin {

struct ElfFacts {
    bool relro = false;            ///< its tables are read-only after relocation
    bool bindNow = false;          ///< every symbol is resolved at load
    bool textRelocations = false;  ///< its code is written to at load
    bool executableStack = false;
    std::string runPath;               ///< DT_RPATH or DT_RUNPATH; empty: none
    std::vector<std::string> needed;   ///< libraries, in the order of the file
    std::vector<std::string> exports;  ///< defined dynamic symbols that others can see
};

/// Reads `fd`. Errc::Invalid if the file is damaged or was stripped of its section table.
[[nodiscard]] base::Result<ElfFacts> readElfFacts(int fd);

}  // namespace agentidp::plugin
