#include <unistd.h>

#include <filesystem>

#include "base/text.h"
#include "plugin/check/steps.h"
#include "plugin/elf_facts.h"
#include "plugin/shared_object.h"

namespace agentidp::plugin::check {
namespace {

const std::string kGroup = "static";

using Saw = Teller::Saw;

bool startsWith(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

void checkNeeded(const ElfFacts& facts, Teller& teller) {
    std::vector<std::string> ours, theirs;
    for (const auto& library : facts.needed) {
        if (startsWith(library, "libagentidp") || startsWith(library, "liblua")) ours.push_back(library);
        if (startsWith(library, "libPoco") || startsWith(library, "libpq") || startsWith(library, "libssl") ||
            startsWith(library, "libcrypto"))
            theirs.push_back(library);
    }
    teller.check(kGroup, "needs nothing of the daemon", [&]() -> Saw {
        if (ours.empty()) return {};
        return "it is linked to " + base::join(ours, ", ") + ": a plugin includes agentidp/plugin.h and links to nothing of ours";
    });
    if (!theirs.empty())
        teller.warn(
            kGroup, "libraries that the daemon may have too",
            base::join(theirs, ", ") + ": outside this source tree, link them statically or build for each release of the distribution");
}

}  // namespace

bool checkStatic(const std::string& file, Teller& teller) {
    auto opened = PluginFile::open(file, geteuid(), PluginFile::Distrust::Tell);
    if (!teller.check(kGroup, "is a regular file, not a link", [&]() -> Saw { return opened ? Saw() : opened.error().hint; })) return false;
    for (const auto& warning : opened->warnings()) teller.warn(kGroup, "trust", warning + "; the daemon would refuse it there");

    const std::string plugin = std::filesystem::path(file).stem().string();
    const auto note = readElfNote(opened->fd());
    const bool noted = teller.check(kGroup, "carries the AgentIdP note", [&]() -> Saw {
        if (!note) return note.error().hint;
        if (note->major != AIP_ABI_MAJOR)
            return "it is of plugin ABI " + std::to_string(note->major) + ", this is " + std::to_string(AIP_ABI_MAJOR);
        return {};
    });
    if (!noted) return false;
    teller.check(kGroup, "is called <kind>-<name>.so as its note says", [&]() -> Saw {
        const std::string kind(nameOfKind(note->kind));
        if (kind.empty()) return "its note names kind " + std::to_string(note->kind) + ", which does not exist";
        if (!startsWith(plugin, kind + "-") || std::filesystem::path(file).extension() != ".so")
            return "it is a " + kind + " plugin in a file called " + std::filesystem::path(file).filename().string();
        return {};
    });
    const auto facts = readElfFacts(opened->fd());
    if (!teller.check(kGroup, "can be read as a shared object", [&]() -> Saw { return facts ? Saw() : facts.error().hint; })) return false;
    teller.check(kGroup, "exports one symbol", [&]() -> Saw {
        if (facts->exports == std::vector<std::string>{AIP_ENTRY_SYMBOL}) return {};
        if (facts->exports.empty()) return "it exports nothing; AGENTIDP_PLUGIN exports " AIP_ENTRY_SYMBOL;
        const std::size_t shown = std::min<std::size_t>(facts->exports.size(), 4);
        return "it exports " + std::to_string(facts->exports.size()) + " symbols (" +
               base::join({facts->exports.begin(), facts->exports.begin() + static_cast<std::ptrdiff_t>(shown)}, ", ") +
               (shown < facts->exports.size() ? ", ..." : "") + "); link with agentidp_add_plugin or its version script";
    });
    teller.check(kGroup, "is hardened", [&]() -> Saw {
        if (!facts->relro) return "no RELRO: link with -Wl,-z,relro";
        if (!facts->bindNow) return "lazy binding: link with -Wl,-z,now";
        if (facts->executableStack) return "its stack is executable: link with -Wl,-z,noexecstack";
        if (facts->textRelocations) return "text relocations: compile with -fPIC";
        return {};
    });
    teller.check(kGroup, "has no run path", [&]() -> Saw {
        return facts->runPath.empty() ? Saw() : "it searches " + facts->runPath + ": whoever may write there runs code in the daemon";
    });
    checkNeeded(*facts, teller);
    return true;
}

bool checkLoad(Subject& subject, Teller& teller) {
    const std::string group = "load";
    auto file = PluginFile::open(subject.file, geteuid(), PluginFile::Distrust::Tell);
    const auto note = file ? readElfNote(file->fd()) : base::Result<ElfNote>(file.error());
    if (!note) return false;
    const bool loaded = teller.check(group, "loads with every symbol resolved", [&]() -> Saw {
        auto descriptor = loadPlugin(*file);
        if (!descriptor) return descriptor.error().hint;
        subject.descriptor = *descriptor;
        return {};
    });
    if (!loaded) return false;
    const bool whole = teller.check(group, "describes itself wholly", [&]() -> Saw {
        const auto agreed = checkDescriptor(*subject.descriptor, *note, subject.plugin);
        return agreed ? Saw() : agreed.error().hint;
    });
    if (!whole) return false;
    return teller.check(group, "has settings that its schema takes", [&]() -> Saw {
        const auto config = subject.config();
        return config ? Saw() : config.error().hint + "; give them by --config";
    });
}

}  // namespace agentidp::plugin::check
