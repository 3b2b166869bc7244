/// Who may have written a plugin's file, and what is loaded through its descriptor.
#include "plugin/shared_object.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

namespace agentidp::plugin {

class SharedObjectTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SharedObjectTest);
    CPPUNIT_TEST(opensAFileOfOnesOwn);
    CPPUNIT_TEST(saysThatAFileIsNotThere);
    CPPUNIT_TEST(refusesAFileThatOthersMayWrite);
    CPPUNIT_TEST(refusesAFolderThatOthersMayWrite);
    CPPUNIT_TEST(refusesALink);
    CPPUNIT_TEST(refusesALinkedFolder);
    CPPUNIT_TEST(refusesWhatIsNoRegularFile);
    CPPUNIT_TEST(refusesAForeignOwner);
    CPPUNIT_TEST(onlyTellsWhereAsked);
    CPPUNIT_TEST(refusesARelativePath);
    CPPUNIT_TEST(measuresTheWholeFile);
    CPPUNIT_TEST(loadsOneFileTwiceAsOne);
    CPPUNIT_TEST(knowsTheKinds);
    CPPUNIT_TEST_SUITE_END();

    Bench bench_;

    void opensAFileOfOnesOwn() { CPPUNIT_ASSERT(PluginFile::open(bench_.install("slow"), geteuid()).ok()); }
    void saysThatAFileIsNotThere() {
        CPPUNIT_ASSERT(PluginFile::open(bench_.folder.path("keys-none.so"), geteuid()).error().code == base::Errc::NotFound);
        CPPUNIT_ASSERT(PluginFile::open(bench_.folder.path("none/keys-none.so"), geteuid()).error().code == base::Errc::Unavailable);
    }
    void refusesAFileThatOthersMayWrite() {
        const std::string path = bench_.install("slow");
        for (const mode_t mode : {0775, 0757, 0777}) {
            chmod(path.c_str(), mode);
            const auto file = PluginFile::open(path, geteuid());
            CPPUNIT_ASSERT(!file.ok());
            CPPUNIT_ASSERT(file.error().code == base::Errc::Denied);
            assertHolds(file.error().hint, "may be written by others");
        }
    }
    void refusesAFolderThatOthersMayWrite() {
        const std::string path = bench_.install("slow");
        chmod(bench_.folder.path().c_str(), 0777);
        assertHolds(PluginFile::open(path, geteuid()).error().hint, bench_.folder.path() + " may be written by others");
        chmod(bench_.folder.path().c_str(), 0700);
        CPPUNIT_ASSERT(PluginFile::open(path, geteuid()).ok());
    }
    void refusesALink() {
        const std::string path = bench_.install("slow");
        const std::string link = bench_.folder.path("ratelimit-link.so");
        CPPUNIT_ASSERT_EQUAL(0, symlink(path.c_str(), link.c_str()));
        assertHolds(PluginFile::open(link, geteuid()).error().hint, "is a symbolic link");
    }
    void refusesALinkedFolder() {
        (void)bench_.install("slow");
        const std::string link = bench_.data.path("linked");
        CPPUNIT_ASSERT_EQUAL(0, symlink(bench_.folder.path().c_str(), link.c_str()));
        assertHolds(PluginFile::open(link + "/ratelimit-slow.so", geteuid()).error().hint, "is a symbolic link");
    }
    void refusesWhatIsNoRegularFile() {
        const std::string fifo = bench_.folder.path("ratelimit-fifo.so");
        CPPUNIT_ASSERT_EQUAL(0, mkfifo(fifo.c_str(), 0600));
        assertHolds(PluginFile::open(fifo, geteuid()).error().hint, "not a regular file");
        const std::string folder = bench_.folder.path("ratelimit-folder.so");
        CPPUNIT_ASSERT_EQUAL(0, mkdir(folder.c_str(), 0700));
        assertHolds(PluginFile::open(folder, geteuid()).error().hint, "not a regular file");
    }
    void refusesAForeignOwner() {
        // Root may give a file away; anybody else is told that root's own files are theirs no more than a stranger's are.
        const std::string path = bench_.install("slow");
        if (geteuid() == 0) {
            CPPUNIT_ASSERT_EQUAL(0, chown(path.c_str(), 4711, 4711));
            assertHolds(PluginFile::open(path, geteuid()).error().hint, "belongs to user 4711");
        } else {
            assertHolds(PluginFile::open(path, geteuid() + 1).error().hint, "belongs to user " + std::to_string(geteuid()));
        }
    }
    void onlyTellsWhereAsked() {
        const std::string path = bench_.install("slow");
        chmod(path.c_str(), 0777);
        const auto file = PluginFile::open(path, geteuid(), PluginFile::Distrust::Tell);
        CPPUNIT_ASSERT(file.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, file->warnings().size());
        assertHolds(file->warnings()[0], "may be written by others");
    }
    void refusesARelativePath() { CPPUNIT_ASSERT(PluginFile::open("ratelimit-slow.so", geteuid()).error().code == base::Errc::Invalid); }
    void measuresTheWholeFile() {
        // SHA-256 of "abc", FIPS 180-4.
        const auto file = PluginFile::open(bench_.folder.write("ratelimit-abc.so", "abc"), geteuid());
        CPPUNIT_ASSERT_EQUAL(std::string("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), *file->sha256());
    }
    void loadsOneFileTwiceAsOne() {
        const std::string path = bench_.install("slow");
        auto first = PluginFile::open(path, geteuid());
        auto again = PluginFile::open(path, geteuid());
        const auto one = loadPlugin(*first);
        const auto two = loadPlugin(*again);
        CPPUNIT_ASSERT(one.ok() && two.ok());
        CPPUNIT_ASSERT_EQUAL(*one, *two);
        // Another file of the same content is another plugin.
        auto copy = PluginFile::open(bench_.install("slow", "copy"), geteuid());
        const auto three = loadPlugin(*copy);
        CPPUNIT_ASSERT(three.ok());
        CPPUNIT_ASSERT(*three != *one);
    }
    void knowsTheKinds() {
        CPPUNIT_ASSERT_EQUAL(std::string_view("storage"), nameOfKind(AIP_KIND_STORAGE));
        CPPUNIT_ASSERT_EQUAL(std::string_view(), nameOfKind(99));
        for (std::uint32_t kind = 1; kind <= 5; ++kind) CPPUNIT_ASSERT_EQUAL(kind, kindOfName(nameOfKind(kind)));
        CPPUNIT_ASSERT_EQUAL(0U, kindOfName("hook"));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SharedObjectTest);

}  // namespace agentidp::plugin
