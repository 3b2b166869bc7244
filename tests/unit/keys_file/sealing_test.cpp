#include "keystore/sealing.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/text.h"
#include "file_sealer.h"
#include "keystore/base64url.h"
#include "keystore/key_file.h"

namespace agentidp::keys_file {
namespace {

using keystore::kekFrom;
using keystore::KeyFile;
using keystore::parseKeyFile;
using keystore::Purpose;
using keystore::Sealing;
using keystore::writeKeyFile;

const std::string kKek(32, 'k');

class SealingTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SealingTest);
    CPPUNIT_TEST(readsKeysInEveryForm);
    CPPUNIT_TEST(takesNoPassphrases);
    CPPUNIT_TEST(keepsPurposesApart);
    CPPUNIT_TEST(sealsEveryLineOfAKeyFile);
    CPPUNIT_TEST(refusesWhatIsNoKeyFile);
    CPPUNIT_TEST(codesBase64urlAsTheKernelDoes);
    CPPUNIT_TEST_SUITE_END();

    aip::Host host_;
    aip::Call call_{nullptr, host_};

    static Sealing sealing(const std::string& kek = kKek) {
        auto made = Sealing::fromKek(kek);
        CPPUNIT_ASSERT(made.ok());
        return std::move(*made);
    }
    static KeyFile example() {
        KeyFile file;
        file.fingerprint = std::string(43, 'A');
        file.alg = "ES256";
        file.createdAtUs = 17;
        file.jwk = R"({"kty":"EC"})";
        return file;
    }

    void readsKeysInEveryForm() {
        std::string kek;
        for (int i = 0; i < 32; ++i) kek.push_back(static_cast<char>(i * 9 + 250));
        const auto bytes = base::bytesOf(kek);
        for (const auto& form : {kek, base::hex(bytes), base::hex(bytes) + "\n", base::base64url(bytes), base::base64url(bytes) + "\r\n",
                                 base::base64(bytes), base::base64(bytes) + "\n"})
            CPPUNIT_ASSERT_EQUAL(kek, std::string(kekFrom(form).view()));
        std::string upper = base::hex(bytes);
        for (auto& c : upper) c = static_cast<char>(std::toupper(c));
        CPPUNIT_ASSERT_EQUAL(kek, std::string(kekFrom(upper).view()));
    }
    void takesNoPassphrases() {
        for (const auto& text : {std::string(), std::string("correct horse battery staple"), std::string(31, 'x'), std::string(33, 'x'),
                                 std::string(64, 'x'), std::string(43, '!'), std::string(42, 'A'), std::string(1'000, 'A')})
            CPPUNIT_ASSERT(kekFrom(text).empty());
        CPPUNIT_ASSERT(!Sealing::fromKek("short").ok());
    }
    void keepsPurposesApart() {
        const auto one = sealing();
        const auto sealed = one.seal(Purpose::KeyFile, "secret", "aad");
        CPPUNIT_ASSERT(one.open(Purpose::KeyFile, *sealed, "aad").ok());
        CPPUNIT_ASSERT(!one.open(Purpose::DataKey, *sealed, "aad").ok());
        CPPUNIT_ASSERT(!sealing(std::string(32, 'l')).open(Purpose::KeyFile, *sealed, "aad").ok());
        CPPUNIT_ASSERT(sealing(std::string(32, 'l')).kekId() != one.kekId());
        CPPUNIT_ASSERT_EQUAL(sealing().kekId(), one.kekId());
    }
    void sealsEveryLineOfAKeyFile() {
        const auto one = sealing();
        FileSealer sealer(one);
        const auto text = writeKeyFile(example(), "private", sealer, call_);
        CPPUNIT_ASSERT(text.ok());
        CPPUNIT_ASSERT(text->find("private") == std::string::npos);
        const auto file = parseKeyFile(*text);
        CPPUNIT_ASSERT(file.has_value());
        CPPUNIT_ASSERT_EQUAL(std::string("private"), std::string(one.open(Purpose::KeyFile, file->sealed, file->header)->view()));
        const std::pair<const char*, const char*> changes[] = {{"alg ES256", "alg RS256"},
                                                               {"created 17", "created 18"},
                                                               {"retired -", "retired 5"},
                                                               {"\"EC\"", "\"EX\""},
                                                               {"print A", "print B"}};
        for (const auto& [from, to] : changes) {
            std::string changed = *text;
            changed.replace(changed.find(from), std::string(from).size(), to);
            const auto other = parseKeyFile(changed);
            CPPUNIT_ASSERT_MESSAGE(to, other.has_value());
            CPPUNIT_ASSERT_MESSAGE(to, !one.open(Purpose::KeyFile, other->sealed, other->header).ok());
        }
    }
    void refusesWhatIsNoKeyFile() {
        const auto one = sealing();
        FileSealer sealer(one);
        const auto text = *writeKeyFile(example(), "private", sealer, call_);
        CPPUNIT_ASSERT(!parseKeyFile("") && !parseKeyFile("\n") && !parseKeyFile(std::string(100'000, 'x')));
        CPPUNIT_ASSERT(!parseKeyFile(text + "\n") && !parseKeyFile(text + "x") && !parseKeyFile("x" + text));
        for (std::size_t size = 0; size < text.size(); ++size) CPPUNIT_ASSERT(!parseKeyFile(text.substr(0, size)));
        std::string negative = text;
        negative.replace(negative.find("created 17"), 10, "created -1");
        CPPUNIT_ASSERT(!parseKeyFile(negative));
    }
    void codesBase64urlAsTheKernelDoes() {
        std::string bytes;
        for (int i = 0; i < 300; ++i) {
            CPPUNIT_ASSERT_EQUAL(base::base64url(base::bytesOf(bytes)), keystore::base64url(bytes));
            CPPUNIT_ASSERT_EQUAL(bytes, keystore::unbase64url(keystore::base64url(bytes)).value());
            bytes.push_back(static_cast<char>(i * 37));
        }
        for (const char* text : {"A", "AB=", "A+/_", "AA A", "AB", "AAB", "\n"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, base::unbase64url(text).has_value(), keystore::unbase64url(text).has_value());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SealingTest);

}  // namespace
}  // namespace agentidp::keys_file
