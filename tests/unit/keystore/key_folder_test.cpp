#include "keystore/key_folder.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "support/temp_folder.h"

namespace agentidp::keystore {
namespace {

namespace fs = std::filesystem;

class KeyFolderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KeyFolderTest);
    CPPUNIT_TEST(makesItsDirectoryForItsOwnerOnly);
    CPPUNIT_TEST(writesFilesForTheirOwnerOnly);
    CPPUNIT_TEST(replacesOnlyWhenToldTo);
    CPPUNIT_TEST(refusesWhatOthersCanRead);
    CPPUNIT_TEST(refusesLinksPipesAndFolders);
    CPPUNIT_TEST(refusesLargeFiles);
    CPPUNIT_TEST(removesWhatAnInterruptedWriteLeft);
    CPPUNIT_TEST(seesThatItsDirectoryIsGone);
    CPPUNIT_TEST(saysWhatIsMissing);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder base_;
    std::string path_ = base_.path("keys");

    KeyFolder open() {
        auto folder = KeyFolder::open(path_);
        CPPUNIT_ASSERT_MESSAGE(folder.ok() ? "" : folder.fail().detail, folder.ok());
        return std::move(*folder);
    }
    static unsigned modeOf(const std::string& path) {
        struct stat about {};
        CPPUNIT_ASSERT_EQUAL(0, lstat(path.c_str(), &about));
        return about.st_mode & 07777U;
    }
    void denied(const KeyFolder& folder, const std::string& name) {
        const auto content = folder.read(name, 100);
        CPPUNIT_ASSERT(!content.ok());
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DENIED}, content.fail().status);
        CPPUNIT_ASSERT(content.fail().detail.find(folder.pathOf(name)) != std::string::npos);
    }

    void makesItsDirectoryForItsOwnerOnly() {
        (void)open();
        CPPUNIT_ASSERT_EQUAL(0700U, modeOf(path_));
        CPPUNIT_ASSERT_EQUAL(0, chmod(path_.c_str(), 0750));
        const auto folder = KeyFolder::open(path_);
        CPPUNIT_ASSERT(!folder.ok());
        CPPUNIT_ASSERT(folder.fail().detail.find("chmod 700 " + path_) != std::string::npos);
    }
    void writesFilesForTheirOwnerOnly() {
        const auto folder = open();
        const auto before = umask(0);
        CPPUNIT_ASSERT(folder.write("a", "content", KeyFolder::Place::Fresh).ok());
        umask(before);
        CPPUNIT_ASSERT_EQUAL(0600U, modeOf(path_ + "/a"));
        CPPUNIT_ASSERT_EQUAL(std::string("content"), std::string(folder.read("a", 100)->view()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, folder.names()->size());
    }
    void replacesOnlyWhenToldTo() {
        const auto folder = open();
        CPPUNIT_ASSERT(folder.write("a", "one", KeyFolder::Place::Fresh).ok());
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_EXISTS}, folder.write("a", "two", KeyFolder::Place::Fresh).fail().status);
        CPPUNIT_ASSERT_EQUAL(std::string("one"), std::string(folder.read("a", 100)->view()));
        CPPUNIT_ASSERT(folder.write("a", "three", KeyFolder::Place::Over).ok());
        CPPUNIT_ASSERT_EQUAL(std::string("three"), std::string(folder.read("a", 100)->view()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, folder.names()->size());
    }
    void refusesWhatOthersCanRead() {
        const auto folder = open();
        CPPUNIT_ASSERT(folder.write("a", "x", KeyFolder::Place::Fresh).ok());
        for (const auto mode : {0640U, 0604U, 0620U, 0601U}) {
            CPPUNIT_ASSERT_EQUAL(0, chmod((path_ + "/a").c_str(), mode));
            denied(folder, "a");
        }
        CPPUNIT_ASSERT_EQUAL(0, chmod((path_ + "/a").c_str(), 0400));
        CPPUNIT_ASSERT(folder.read("a", 100).ok());
    }
    void refusesLinksPipesAndFolders() {
        const auto folder = open();
        CPPUNIT_ASSERT(folder.write("a", "x", KeyFolder::Place::Fresh).ok());
        fs::create_symlink("a", path_ + "/link");
        CPPUNIT_ASSERT_EQUAL(0, mkfifo((path_ + "/pipe").c_str(), 0600));
        CPPUNIT_ASSERT_EQUAL(0, mkdir((path_ + "/folder").c_str(), 0700));
        for (const char* name : {"link", "pipe", "folder"}) denied(folder, name);
        const auto other = base_.path("other");
        fs::create_directory_symlink(path_, other);
        CPPUNIT_ASSERT(!KeyFolder::open(other).ok());
    }
    void refusesLargeFiles() {
        const auto folder = open();
        CPPUNIT_ASSERT(folder.write("a", std::string(101, 'x'), KeyFolder::Place::Fresh).ok());
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, folder.read("a", 100).fail().status);
    }
    void removesWhatAnInterruptedWriteLeft() {
        const auto folder = open();
        std::ofstream(path_ + "/.new-abc") << "half";
        std::ofstream(path_ + "/mine") << "whole";
        folder.removeLeftovers();
        CPPUNIT_ASSERT(*folder.names() == std::vector<std::string>{"mine"});
    }
    void seesThatItsDirectoryIsGone() {
        const auto folder = open();
        CPPUNIT_ASSERT(folder.check().ok());
        fs::rename(path_, base_.path("moved"));
        CPPUNIT_ASSERT(!folder.check().ok());
        CPPUNIT_ASSERT_EQUAL(0, mkdir(path_.c_str(), 0700));
        CPPUNIT_ASSERT(!folder.check().ok());
    }
    void saysWhatIsMissing() {
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_NOTFOUND}, open().read("a", 100).fail().status);
        const auto orphan = KeyFolder::open(base_.path("none/keys"));
        CPPUNIT_ASSERT(!orphan.ok());
        CPPUNIT_ASSERT(orphan.fail().detail.find(base_.path("none/keys")) != std::string::npos);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(KeyFolderTest);

}  // namespace
}  // namespace agentidp::keystore
