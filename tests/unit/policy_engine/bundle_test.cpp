#include "policy/bundle.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "crypto/key.h"
#include "policy/signature.h"
#include "support/temp_folder.h"

namespace agentidp::policy {
namespace {

namespace fs = std::filesystem;

class BundleTest final : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BundleTest);
    CPPUNIT_TEST(readsScriptsDocumentsAndTests);
    CPPUNIT_TEST(hashFollowsNamesAndContents);
    CPPUNIT_TEST(refusesWhatAnybodyMayWrite);
    CPPUNIT_TEST(refusesWhatIsNoRegularFile);
    CPPUNIT_TEST(refusesWhatIsTooLargeOrTooMany);
    CPPUNIT_TEST(refusesWhatIsNoText);
    CPPUNIT_TEST(refusesNamesItWouldPassOver);
    CPPUNIT_TEST(remarksACompiledPolicy);
    CPPUNIT_TEST(saysThatAFolderIsMissing);
    CPPUNIT_TEST(packsAndUnpacks);
    CPPUNIT_TEST(refusesADocumentThatIsNoJson);
    CPPUNIT_TEST(believesOnlyTrustedSignaturesOfTheseFiles);
    CPPUNIT_TEST(readsTrust);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;

    [[nodiscard]] std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
    void put(const std::string& name, const std::string& text) const {
        fs::create_directories(fs::path(path(name)).parent_path());
        std::ofstream(path(name), std::ios::binary) << text;
        ::chmod(path(name).c_str(), 0644);
    }
    void refuses(const std::string& file, const std::string& why) const {
        const auto reading = readBundle(folder_.path());
        for (const auto& complaint : reading.complaints)
            if (complaint.fatal && complaint.file == file && complaint.text.find(why) != std::string::npos && !complaint.mend.empty())
                return;
        std::string told = file + " was not refused for '" + why + "':";
        for (const auto& complaint : reading.complaints) told += " " + complaint.file + ": " + complaint.text + ";";
        CPPUNIT_FAIL(told);
    }
    static std::vector<std::string> names(const Bundle& bundle) {
        std::vector<std::string> out;
        for (const auto& file : bundle.files) out.push_back(file.name);
        return out;
    }

    void readsScriptsDocumentsAndTests() {
        put("b.lua", "return {}");
        put("a.lua", "return {}");
        put("a_test.lua", "return {}");
        put("data/tools.json", R"({"x":true})");
        put("tests/cases.json", "[]");
        put("README.md", "hello");
        put(".hidden", "x");
        put("bundle.sig", "signed");
        const auto reading = readBundle(folder_.path());
        CPPUNIT_ASSERT(reading.complaints.empty());
        CPPUNIT_ASSERT((std::vector<std::string>{"a.lua", "a_test.lua", "b.lua", "data/tools.json", "tests/cases.json"}) ==
                       names(reading.bundle));
        CPPUNIT_ASSERT(reading.bundle.files[1].role == FileRole::LuaTest);
        CPPUNIT_ASSERT_EQUAL(std::string("signed"), reading.bundle.signature);
        std::vector<Complaint> complaints;
        const auto documents = documentsOf(reading.bundle, complaints);
        CPPUNIT_ASSERT(complaints.empty() && documents.contains("tools"));
    }

    void hashFollowsNamesAndContents() {
        const auto hash = [](std::vector<BundleFile> files) { return bundleOf(std::move(files), "").bundle.sha256(); };
        const auto one = hash({{"a.lua", "x", {}}, {"b.lua", "y", {}}});
        CPPUNIT_ASSERT_EQUAL(std::size_t{64}, one.size());
        CPPUNIT_ASSERT_EQUAL(one, hash({{"b.lua", "y", {}}, {"a.lua", "x", {}}}));
        CPPUNIT_ASSERT(one != hash({{"a.lua", "y", {}}, {"b.lua", "x", {}}}));
        CPPUNIT_ASSERT(one != hash({{"a.lua", "x", {}}}));
    }

    void refusesWhatAnybodyMayWrite() {
        put("a.lua", "return {}");
        ::chmod(path("a.lua").c_str(), 0666);
        refuses("a.lua", "may be written by anybody");
        ::chmod(path("a.lua").c_str(), 0644);
        fs::create_directory(path("data"));
        ::chmod(path("data").c_str(), 0777);
        refuses("data", "may be written by anybody");
        ::chmod(path("data").c_str(), 0755);
        ::chmod(folder_.path().c_str(), 0777);
        refuses(folder_.path(), "may be written by anybody");
        ::chmod(folder_.path().c_str(), 0700);
    }

    void refusesWhatIsNoRegularFile() {
        put("a.txt", "return {}");
        fs::create_symlink(path("a.txt"), path("link.lua"));
        refuses("link.lua", "is a link");
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(path("pipe.lua").c_str(), 0600));
        refuses("pipe.lua", "is no regular file");
        fs::create_directory(path("folder.lua"));
        refuses("folder.lua", "is no regular file");
        if (::geteuid() != 0) {
            put("secret.lua", "return {}");
            ::chmod(path("secret.lua").c_str(), 0);
            refuses("secret.lua", "cannot be read");
        }
    }

    void refusesWhatIsTooLargeOrTooMany() {
        put("big.lua", std::string(kMaxScriptBytes + 1, ' '));
        refuses("big.lua", "has 262145 bytes");
        fs::remove(path("big.lua"));
        for (std::size_t i = 0; i <= kMaxBundleFiles; ++i) put("s" + std::to_string(i) + ".lua", "");
        refuses("", "the bundle has 201 files");
    }

    void refusesWhatIsNoText() {
        put("a.lua", "\x1bLua");
        put("b.lua", std::string("x\0y", 3));
        put("c.lua", "\xff\xfe");
        refuses("b.lua", "is not UTF-8 text");
        refuses("c.lua", "is not UTF-8 text");
    }

    void refusesNamesItWouldPassOver() {
        put("my script.lua", "return {}");
        refuses("my script.lua", "is no part of a bundle");
        put("data/my-tools.json", "{}");
        refuses("data/my-tools.json", "is no part of a bundle");
        put("tools.json", "{}");
        refuses("tools.json", "is no part of a bundle");
    }

    void remarksACompiledPolicy() {
        put("authz.wasm", "x");
        const auto reading = readBundle(folder_.path());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, reading.complaints.size());
        CPPUNIT_ASSERT(!reading.complaints.front().fatal);
        CPPUNIT_ASSERT(reading.complaints.front().text.find("OPA") != std::string::npos);
    }

    void saysThatAFolderIsMissing() {
        const auto reading = readBundle(path("nowhere"));
        CPPUNIT_ASSERT(anyFatal(reading.complaints));
        CPPUNIT_ASSERT_EQUAL(path("nowhere"), reading.complaints.front().file);
    }

    void packsAndUnpacks() {
        const auto bundle = bundleOf({{"a.lua", "return {}\n\t\"\\", {}}, {"data/t.json", "{}", {}}}, "signed").bundle;
        const auto again = unpackBundle(packBundle(bundle));
        CPPUNIT_ASSERT(again.ok());
        CPPUNIT_ASSERT(bundle.files == again->files);
        CPPUNIT_ASSERT_EQUAL(bundle.signature, again->signature);
        for (const auto* wrong : {"", "{}", "[]", R"({"bundle":2,"files":[]})", R"({"bundle":1,"files":[{"name":"a.lua"}]})",
                                  R"({"bundle":1,"files":[{"name":"../a.lua","text":""}]})",
                                  R"({"bundle":1,"files":[{"name":"a.lua","text":""},{"name":"a.lua","text":""}]})"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !unpackBundle(wrong).ok());
    }

    void refusesADocumentThatIsNoJson() {
        const auto bundle = bundleOf({{"data/t.json", "{", {}}}, "").bundle;
        std::vector<Complaint> complaints;
        CPPUNIT_ASSERT(documentsOf(bundle, complaints).empty());
        CPPUNIT_ASSERT(anyFatal(complaints));
    }

    struct Signer {
        crypto::PrivateKey key = crypto::PrivateKey::generate(crypto::Algorithm::EdDsa).value();
        audit::NoteKey note = audit::NoteKey::of("corp", key.publicKey().members().x);
        audit::Sign sign = [this](base::BytesView text) { return key.sign(crypto::Algorithm::EdDsa, text); };
    };

    void believesOnlyTrustedSignaturesOfTheseFiles() {
        Signer ours, theirs;
        auto bundle = bundleOf({{"a.lua", "return {}", {}}}, "").bundle;
        CPPUNIT_ASSERT(verifyBundle(bundle, {}).ok());
        CPPUNIT_ASSERT(!verifyBundle(bundle, {ours.note}).ok());
        bundle.signature = signBundle(bundle, theirs.note, theirs.sign).value();
        CPPUNIT_ASSERT(!verifyBundle(bundle, {ours.note}).ok());
        bundle.signature = signBundle(bundle, ours.note, ours.sign).value();
        CPPUNIT_ASSERT(verifyBundle(bundle, {theirs.note, ours.note}).ok());
        CPPUNIT_ASSERT(verifyBundle(bundle, {}).ok());
        auto other = bundle;
        other.files.front().text = "return { }";
        CPPUNIT_ASSERT(!verifyBundle(other, {ours.note}).ok());
        auto broken = bundle;
        broken.signature = "hello";
        CPPUNIT_ASSERT(!verifyBundle(broken, {ours.note}).ok());
        // A note of the same key over something else, such as a checkpoint.
        broken.signature = audit::signNote("agentidp\n1\nx\n", ours.note, ours.sign).value().write();
        CPPUNIT_ASSERT(!verifyBundle(broken, {ours.note}).ok());
    }

    void readsTrust() {
        const Signer ours;
        const auto trust = readTrust({ours.note.text()});
        CPPUNIT_ASSERT(trust.ok());
        CPPUNIT_ASSERT(trust->front().publicKey == ours.note.publicKey);
        const auto wrong = readTrust({"corp"});
        CPPUNIT_ASSERT(!wrong.ok());
        CPPUNIT_ASSERT(wrong.error().hint.find("hooks.trust: corp") == 0);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BundleTest);

}  // namespace
}  // namespace agentidp::policy
