#include "keys_file.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "keystore/key_file.h"
#include "plugin/contract/jwk_check.h"
#include "support/plugin_host.h"
#include "support/temp_folder.h"

namespace agentidp::keys_file {
namespace {

namespace fs = std::filesystem;

class KeysFileTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KeysFileTest);
    CPPUNIT_TEST(makesAKeyEncryptionKeyOnceAndKeepsIt);
    CPPUNIT_TEST(takesItsKeyEncryptionKeyFromASecret);
    CPPUNIT_TEST(refusesAnotherKeyEncryptionKeyByName);
    CPPUNIT_TEST(refusesASecretThatIsMissingOrNoKey);
    CPPUNIT_TEST(refusesToStartAnewWhereTheKekFileIsLost);
    CPPUNIT_TEST(refusesDamagedFilesByName);
    CPPUNIT_TEST(refusesFilesThatTookAnothersPlace);
    CPPUNIT_TEST(refusesFilesThatAreOpenToOthers);
    CPPUNIT_TEST(warnsOfForeignFilesAndLeavesThemAlone);
    CPPUNIT_TEST(leavesNothingOfARetiredKey);
    CPPUNIT_TEST(keepsARetiredKeyFromComingBack);
    CPPUNIT_TEST(seesTheKeysOfOtherReplicas);
    CPPUNIT_TEST(saysUnderWhichKeyADataKeyWasWrapped);
    CPPUNIT_TEST(endsALongSearchAtTheDeadline);
    CPPUNIT_TEST(wantsAPlaceForItsFiles);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;
    tests::PluginHost host_{folder_.path()};
    aip::Host face_{host_.table()};
    aip::Call call_{nullptr, face_};
    std::string keys_ = folder_.path("keys");

    aip::Status begin(KeysFile& plugin, const std::string& settings) {
        plugin.attach(face_);
        const auto config = aip::Config::parse(settings);
        CPPUNIT_ASSERT(config.ok());
        if (auto configured = plugin.configure(*config); !configured) return configured;
        return plugin.start(call_);
    }
    std::unique_ptr<KeysFile> started(const std::string& settings = "{}") {
        auto plugin = std::make_unique<KeysFile>();
        const auto status = begin(*plugin, settings);
        CPPUNIT_ASSERT_MESSAGE(status.ok() ? "" : status.fail().message + " " + status.fail().detail, status.ok());
        return plugin;
    }
    /// Starts, wants a refusal, answers message and detail in one line.
    std::string refusal(const std::string& settings = "{}") {
        KeysFile plugin;
        const auto status = begin(plugin, settings);
        CPPUNIT_ASSERT(!status.ok());
        CPPUNIT_ASSERT(status.fail().message.size() < 128 && status.fail().detail.size() < 384);
        const auto line = status.fail().message + " " + status.fail().detail;
        CPPUNIT_ASSERT(line.find('\n') == std::string::npos);
        return line;
    }
    static void contains(const std::string& line, const std::string& part) {
        CPPUNIT_ASSERT_MESSAGE(line + " should contain " + part, line.find(part) != std::string::npos);
    }
    static std::string contentOf(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        std::ostringstream all;
        all << file.rdbuf();
        return all.str();
    }
    static void put(const std::string& path, const std::string& content) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    }
    std::string pathOf(const aip::HeldKey& held) const { return keys_ + "/" + held.fingerprint + ".key"; }

    void makesAKeyEncryptionKeyOnceAndKeepsIt() {
        const auto held = *started()->generate("ES256", call_);
        const auto kek = contentOf(keys_ + "/kek");
        CPPUNIT_ASSERT_EQUAL(std::size_t{44}, kek.size());
        for (const auto& path : {keys_ + "/kek", pathOf(held)}) {
            struct stat about {};
            CPPUNIT_ASSERT_EQUAL(0, stat(path.c_str(), &about));
            CPPUNIT_ASSERT_EQUAL(0600U, about.st_mode & 07777U);
        }
        const auto again = started();
        CPPUNIT_ASSERT(again->sign(held.fingerprint, "x", call_).ok());
        CPPUNIT_ASSERT_EQUAL(kek, contentOf(keys_ + "/kek"));
        CPPUNIT_ASSERT_EQUAL(base::microsOf(host_.clock.now()), again->list(call_)->front().createdAtUs);
    }
    void takesItsKeyEncryptionKeyFromASecret() {
        host_.secrets["cred:kek"] = std::string(64, 'a') + "\n";
        const auto held = *started(R"({"kek":"cred:kek"})")->generate("EdDSA", call_);
        CPPUNIT_ASSERT(!fs::exists(keys_ + "/kek"));
        CPPUNIT_ASSERT(started(R"({"kek":"cred:kek"})")->sign(held.fingerprint, "x", call_).ok());
    }
    void refusesAnotherKeyEncryptionKeyByName() {
        host_.secrets["env:one"] = std::string(64, 'a');
        host_.secrets["env:two"] = std::string(64, 'b');
        const auto held = *started(R"({"kek":"env:one"})")->generate("ES256", call_);
        const auto line = refusal(R"({"kek":"env:two"})");
        contains(line, "plugins.keys-file.kek is not the key");
        contains(line, pathOf(held));
        CPPUNIT_ASSERT(line.find("bbbb") == std::string::npos);
    }
    void refusesASecretThatIsMissingOrNoKey() {
        contains(refusal(R"({"kek":"env:none"})"), "plugins.keys-file.kek cannot be read");
        host_.secrets["env:weak"] = "hunter2";
        const auto line = refusal(R"({"kek":"env:weak"})");
        contains(line, "plugins.keys-file.kek is no key of 32 bytes");
        CPPUNIT_ASSERT(line.find("hunter2") == std::string::npos);
    }
    void refusesToStartAnewWhereTheKekFileIsLost() {
        (void)*started()->generate("ES256", call_);
        fs::remove(keys_ + "/kek");
        contains(refusal(), "the key-encryption key is missing: set plugins.keys-file.kek");
        CPPUNIT_ASSERT(!fs::exists(keys_ + "/kek"));
        put(keys_ + "/kek", "damaged\n");
        CPPUNIT_ASSERT_EQUAL(0, chmod((keys_ + "/kek").c_str(), 0600));
        contains(refusal(), keys_ + "/kek");
    }
    void refusesDamagedFilesByName() {
        const auto held = *started()->generate("ES256", call_);
        const auto whole = contentOf(pathOf(held));
        for (const auto& content : {std::string(), std::string("-----BEGIN PRIVATE KEY-----\n"), whole.substr(0, whole.size() / 2),
                                    whole + "x", std::string(100'000, 'x')}) {
            put(pathOf(held), content);
            contains(refusal(), pathOf(held));
        }
        std::string flipped = whole;
        flipped[whole.size() - 10] = flipped[whole.size() - 10] == 'A' ? 'B' : 'A';
        put(pathOf(held), flipped);
        contains(refusal(), pathOf(held) + " was changed");
        put(pathOf(held), whole);
        CPPUNIT_ASSERT(started()->sign(held.fingerprint, "x", call_).ok());
    }
    void refusesFilesThatTookAnothersPlace() {
        const auto plugin = started();
        const auto one = *plugin->generate("ES256", call_), two = *plugin->generate("ES256", call_);
        const auto content = contentOf(pathOf(one));
        put(pathOf(two), content);
        contains(refusal(), pathOf(two) + " holds the key of another name");
        std::string renamed = content;
        renamed.replace(renamed.find(one.fingerprint), 43, two.fingerprint);
        put(pathOf(two), renamed);
        contains(refusal(), pathOf(two) + " was changed");
    }
    void refusesFilesThatAreOpenToOthers() {
        const auto held = *started()->generate("ES256", call_);
        CPPUNIT_ASSERT_EQUAL(0, chmod(pathOf(held).c_str(), 0644));
        contains(refusal(), "chmod 600 " + pathOf(held));
        CPPUNIT_ASSERT_EQUAL(0, chmod(pathOf(held).c_str(), 0600));
        CPPUNIT_ASSERT_EQUAL(0, chmod((keys_ + "/kek").c_str(), 0640));
        contains(refusal(), "chmod 600 " + keys_ + "/kek");
    }
    void warnsOfForeignFilesAndLeavesThemAlone() {
        (void)started();
        put(keys_ + "/notes.txt", "hello");
        put(keys_ + "/.new-half", "half");
        (void)started();
        CPPUNIT_ASSERT(fs::exists(keys_ + "/notes.txt") && !fs::exists(keys_ + "/.new-half"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, host_.lines().size());
        contains(host_.lines().front(), keys_ + "/notes.txt");
    }
    void leavesNothingOfARetiredKey() {
        const auto plugin = started();
        const auto held = *plugin->generate("ES256", call_);
        CPPUNIT_ASSERT(plugin->retire(held.fingerprint, call_).ok());
        const auto file = keystore::parseKeyFile(contentOf(pathOf(held)));
        CPPUNIT_ASSERT(file.has_value() && file->retiredAtUs.has_value());
        CPPUNIT_ASSERT_EQUAL(std::size_t{12 + 16}, file->sealed.size());
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DENIED}, plugin->exportPrivate(held.fingerprint, call_).fail().status);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DENIED}, started()->exportPrivate(held.fingerprint, call_).fail().status);
    }
    void keepsARetiredKeyFromComingBack() {
        const auto pkcs8 = plugin::contract::freshPkcs8("ES256");
        const std::string der(pkcs8->text());
        const auto plugin = started();
        const auto held = *plugin->import("ES256", der, call_);
        CPPUNIT_ASSERT(plugin->retire(held.fingerprint, call_).ok());
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_EXISTS}, plugin->import("ES256", der, call_).fail().status);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_EXISTS}, started()->import("ES256", der, call_).fail().status);
        // Nor by taking the mark of its retirement out of the file.
        auto content = contentOf(pathOf(held));
        const auto at = content.find("retired ");
        content.replace(at, content.find('\n', at) - at, "retired -");
        put(pathOf(held), content);
        contains(refusal(), pathOf(held));
    }
    void seesTheKeysOfOtherReplicas() {
        const auto one = started(R"({"shared":true})"), two = started(R"({"shared":true})");
        const auto held = *one->generate("ES256", call_);
        CPPUNIT_ASSERT(two->sign(held.fingerprint, "x", call_).ok());
        CPPUNIT_ASSERT(one->retire(held.fingerprint, call_).ok());
        const auto listed = two->list(call_);
        CPPUNIT_ASSERT(listed->size() == 1 && listed->front().retired);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DENIED}, two->sign(held.fingerprint, "x", call_).fail().status);
        const auto wrapped = one->wrap("data key", "aad", call_);
        CPPUNIT_ASSERT(two->unwrap(*wrapped, "aad", call_).ok());
    }
    void saysUnderWhichKeyADataKeyWasWrapped() {
        const auto wrapped = *started()->wrap("data key", "aad", call_);
        host_.secrets["env:two"] = std::string(64, 'b');
        const auto other = started(R"({"kek":"env:two"})")->unwrap(wrapped, "aad", call_);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, other.fail().status);
        contains(other.fail().detail, "plugins.keys-file.kek");
    }
    void endsALongSearchAtTheDeadline() {
        const auto plugin = started(R"({"rsa_bits":8192})");
        aip_call raw{};
        raw.size = sizeof raw;
        raw.deadline_mono_ns = 1;
        const aip::Call late(&raw, face_);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DEADLINE}, plugin->generate("RS256", late).fail().status);
        CPPUNIT_ASSERT(plugin->list(call_)->empty());
    }
    void wantsAPlaceForItsFiles() {
        const tests::PluginHost nowhere;
        KeysFile plugin;
        const aip::Host face(nowhere.table());
        plugin.attach(face);
        CPPUNIT_ASSERT(plugin.configure(*aip::Config::parse("{}")).ok());
        contains(plugin.start(aip::Call(nullptr, face)).fail().message, "plugins.keys-file.dir");
        CPPUNIT_ASSERT(!plugin.configure(*aip::Config::parse(R"({"dir":"relative"})")).ok());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(KeysFileTest);

}  // namespace
}  // namespace agentidp::keys_file
