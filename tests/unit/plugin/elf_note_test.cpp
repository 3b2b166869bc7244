/// The note reader against a sound file, and against every way a file can lie about itself.
#include "plugin/elf_note.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "agentidp/plugin.h"
#include "bench.h"
#include "plugin/elf_facts.h"

namespace agentidp::plugin {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes fileOf(const std::string& name) {
    std::ifstream in(std::string(AGENTIDP_BROKEN_PLUGINS) + "/ratelimit-" + name + ".so", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// An open descriptor of a file that exists nowhere.
class InMemory {
public:
    explicit InMemory(const Bytes& bytes) : fd_(memfd_create("plugin", 0)) {
        CPPUNIT_ASSERT(write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }
    InMemory(const InMemory&) = delete;
    InMemory& operator=(const InMemory&) = delete;
    ~InMemory() { close(fd_); }
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

base::Result<ElfNote> noteOf(const Bytes& bytes) { return readElfNote(InMemory(bytes).fd()); }

Bytes changed(const std::function<void(Bytes&, Elf64_Ehdr&, std::vector<Elf64_Phdr*>&)>& change) {
    Bytes bytes = fileOf("slow");
    auto& header = *reinterpret_cast<Elf64_Ehdr*>(bytes.data());
    std::vector<Elf64_Phdr*> notes;
    for (int i = 0; i < header.e_phnum; ++i) {
        auto* segment = reinterpret_cast<Elf64_Phdr*>(bytes.data() + header.e_phoff) + i;
        if (segment->p_type == PT_NOTE) notes.push_back(segment);
    }
    change(bytes, header, notes);
    return bytes;
}

}  // namespace

class ElfNoteTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ElfNoteTest);
    CPPUNIT_TEST(readsMajorMinorAndKind);
    CPPUNIT_TEST(saysThatThereIsNoNote);
    CPPUNIT_TEST(refusesWhatIsNoElfFile);
    CPPUNIT_TEST(refusesAnotherMachine);
    CPPUNIT_TEST(refusesEveryTruncation);
    CPPUNIT_TEST(refusesSizesBeyondTheFile);
    CPPUNIT_TEST(survivesEveryByteOfItsHeadersChanged);
    CPPUNIT_TEST(readsHowAFileWasLinked);
    CPPUNIT_TEST(seesASecondExport);
    CPPUNIT_TEST(refusesFactsOfADamagedFile);
    CPPUNIT_TEST_SUITE_END();

    void readsMajorMinorAndKind() {
        const auto note = noteOf(fileOf("slow"));
        CPPUNIT_ASSERT(note.ok());
        CPPUNIT_ASSERT_EQUAL(AIP_ABI_MAJOR, note->major);
        CPPUNIT_ASSERT_EQUAL(AIP_ABI_MINOR, note->minor);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_KIND_RATELIMIT}, note->kind);
    }
    void saysThatThereIsNoNote() { CPPUNIT_ASSERT(noteOf(fileOf("nonote")).error().code == base::Errc::NotFound); }
    void refusesWhatIsNoElfFile() {
        CPPUNIT_ASSERT(noteOf({}).error().code == base::Errc::Invalid);
        CPPUNIT_ASSERT(noteOf(Bytes(4096, 'x')).error().code == base::Errc::Invalid);
        CPPUNIT_ASSERT(noteOf({0x7f, 'E', 'L', 'F'}).error().code == base::Errc::Invalid);
    }
    void refusesAnotherMachine() {
        const auto bytes = changed([](Bytes&, Elf64_Ehdr& header, auto&) { header.e_machine = EM_S390; });
        assertHolds(noteOf(bytes).error().hint, "another machine");
        const auto executable = changed([](Bytes&, Elf64_Ehdr& header, auto&) { header.e_type = ET_EXEC; });
        assertHolds(noteOf(executable).error().hint, "not a shared object");
    }
    void refusesEveryTruncation() {
        const Bytes whole = fileOf("slow");
        for (std::size_t size = 0; size < 4096 && size < whole.size(); size += 7) {
            const auto note = noteOf(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
            const bool sound = note.ok() && note->kind == AIP_KIND_RATELIMIT;
            CPPUNIT_ASSERT(!note.ok() || sound);
        }
    }
    void refusesSizesBeyondTheFile() {
        const auto refused = [](const std::function<void(Bytes&, Elf64_Ehdr&, std::vector<Elf64_Phdr*>&)>& change) {
            CPPUNIT_ASSERT(!noteOf(changed(change)).ok());
        };
        refused([](Bytes&, Elf64_Ehdr& header, auto&) { header.e_phoff = ~std::uint64_t{0}; });
        refused([](Bytes&, Elf64_Ehdr& header, auto&) { header.e_phoff = ~std::uint64_t{0} - 8; });
        refused([](Bytes&, Elf64_Ehdr& header, auto&) { header.e_phnum = 0xffff; });
        refused([](Bytes&, Elf64_Ehdr& header, auto&) { header.e_phentsize = 8; });
        refused([](Bytes&, Elf64_Ehdr&, auto& notes) { notes.front()->p_filesz = ~std::uint64_t{0}; });
        refused([](Bytes&, Elf64_Ehdr&, auto& notes) { notes.front()->p_offset = ~std::uint64_t{0} - 4; });
        refused([](Bytes& bytes, Elf64_Ehdr&, auto& notes) {
            for (auto* segment : notes) reinterpret_cast<Elf64_Nhdr*>(bytes.data() + segment->p_offset)->n_namesz = 0xffffffff;
        });
        refused([](Bytes& bytes, Elf64_Ehdr&, auto& notes) {
            for (auto* segment : notes) reinterpret_cast<Elf64_Nhdr*>(bytes.data() + segment->p_offset)->n_descsz = 0xfffffff0;
        });
    }
    void survivesEveryByteOfItsHeadersChanged() {
        const Bytes whole = fileOf("slow");
        std::size_t answers = 0;
        for (std::size_t at = 0; at < 1024; ++at) {
            for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{0x7f}, std::uint8_t{0xff}}) {
                Bytes bytes = whole;
                bytes[at] = value;
                const auto note = noteOf(bytes);
                answers += note.ok() ? 1 : 0;
                (void)readElfFacts(InMemory(bytes).fd());
            }
        }
        CPPUNIT_ASSERT(answers > 0);
    }
    void readsHowAFileWasLinked() {
        const auto facts = readElfFacts(InMemory(fileOf("slow")).fd());
        CPPUNIT_ASSERT(facts.ok());
        CPPUNIT_ASSERT(facts->relro && facts->bindNow && !facts->textRelocations && !facts->executableStack);
        CPPUNIT_ASSERT_EQUAL(std::string(), facts->runPath);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, facts->exports.size());
        CPPUNIT_ASSERT_EQUAL(std::string(AIP_ENTRY_SYMBOL), facts->exports[0]);
        CPPUNIT_ASSERT(std::find(facts->needed.begin(), facts->needed.end(), "libc.so.6") != facts->needed.end());
    }
    void seesASecondExport() {
        const auto facts = readElfFacts(InMemory(fileOf("twosymbols")).fd());
        CPPUNIT_ASSERT(facts.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, facts->exports.size());
    }
    void refusesFactsOfADamagedFile() {
        CPPUNIT_ASSERT(!readElfFacts(InMemory(changed([](Bytes&, Elf64_Ehdr& header, auto&) { header.e_shnum = 0; })).fd()).ok());
        CPPUNIT_ASSERT(
            !readElfFacts(InMemory(changed([](Bytes&, Elf64_Ehdr& header, auto&) { header.e_shoff = ~std::uint64_t{0}; })).fd()).ok());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ElfNoteTest);

}  // namespace agentidp::plugin
