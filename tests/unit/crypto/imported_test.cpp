/// What an imported database brings along: bcrypt hashes and AES-256-CBC. The values were made by python3-bcrypt and by openssl enc.
#include <cppunit/extensions/HelperMacros.h>

#include "base/text.h"
#include "crypto/aes_cbc.h"
#include "crypto/bcrypt.h"

namespace agentidp::crypto {

class ImportedTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ImportedTest);
    CPPUNIT_TEST(knowsTheSecretsOfOthersHashes);
    CPPUNIT_TEST(refusesWhatBcryptWouldNotLookAt);
    CPPUNIT_TEST(refusesOtherFormsAndCosts);
    CPPUNIT_TEST(opensWhatOpensslSealed);
    CPPUNIT_TEST(refusesAnotherKeyAndBrokenPadding);
    CPPUNIT_TEST_SUITE_END();

    static constexpr std::string_view kOlder = "$2a$04$zru/QCGDhHqR8F9/Rt4z7.GuvI07ol8NPD5mojdYnuvraMcSVX3zK";
    static constexpr std::string_view kHash = "$2b$04$jwpNdyZ7p/WBJOv7QeZ19.CX5iGYGKDJ25r.ADOhC2SM9amjAzvdC";
    static constexpr std::string_view kOfSeventyTwo = "$2b$04$AQE/WpS3XZmLIx3AsApzqeK0lnO.tWHyMhEBeds3RrgbXIQ5ee/6m";

    static bool matches(std::string_view hash, std::string_view secret) {
        const auto same = bcryptMatches(hash, base::bytesOf(secret));
        CPPUNIT_ASSERT(same.ok());
        return *same;
    }

public:
    void knowsTheSecretsOfOthersHashes() {
        for (const auto hash : {kOlder, kHash}) {
            CPPUNIT_ASSERT(matches(hash, "sk_live_example"));
            CPPUNIT_ASSERT(!matches(hash, "sk_live_Example"));
            CPPUNIT_ASSERT(!matches(hash, ""));
        }
        auto php = std::string(kHash);
        php[2] = 'y';
        CPPUNIT_ASSERT(!matches(php, "sk_live_other"));
    }

    void refusesWhatBcryptWouldNotLookAt() {
        CPPUNIT_ASSERT(matches(kOfSeventyTwo, std::string(72, 'x')));
        CPPUNIT_ASSERT(!matches(kOfSeventyTwo, std::string(73, 'x')));
        CPPUNIT_ASSERT(!matches(kOfSeventyTwo, std::string(72, 'x') + "anything"));
        using std::string_literals::operator""s;
        CPPUNIT_ASSERT(!matches(kHash, "sk_live_example\0more"s));
    }

    void refusesOtherFormsAndCosts() {
        CPPUNIT_ASSERT(isBcrypt(kHash));
        const std::string tail(kHash.substr(6));
        for (const auto& bad : {std::string(), std::string("$2b$"), std::string(kHash.substr(0, 59)), std::string(kHash) + "x",
                                "$2x$04" + tail, "$2b$03" + tail, "$2b$15" + tail, "$2b$31" + tail, "$2b$0a" + tail, "$1b$04" + tail,
                                "$2b$04" + tail.substr(0, 53) + ":", std::string("$6$salt$") + std::string(52, 'a')}) {
            CPPUNIT_ASSERT_MESSAGE(bad, !isBcrypt(bad));
            const auto same = bcryptMatches(bad, base::bytesOf("secret"));
            CPPUNIT_ASSERT_MESSAGE(bad, !same.ok() && same.error().code == base::Errc::Invalid);
        }
    }

    void opensWhatOpensslSealed() {
        const base::Bytes key(32, 0x11);
        const auto iv = *base::unhex("000102030405060708090a0b0c0d0e0f");
        const auto sealed = *base::unhex("035527f27548be0c7e77bc89bf4d0faf39e40e48573b016b10bdd145b62c0188");
        const auto opened = openAesCbc(key, iv, sealed);
        CPPUNIT_ASSERT(opened.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("secret-hash-text"), std::string(opened->text()));
    }

    void refusesAnotherKeyAndBrokenPadding() {
        const base::Bytes key(32, 0x11);
        const auto iv = *base::unhex("000102030405060708090a0b0c0d0e0f");
        const auto sealed = *base::unhex("035527f27548be0c7e77bc89bf4d0faf39e40e48573b016b10bdd145b62c0188");
        CPPUNIT_ASSERT(!openAesCbc(base::Bytes(32, 0x12), iv, sealed).ok());
        CPPUNIT_ASSERT(!openAesCbc(base::Bytes(31, 0x11), iv, sealed).ok());
        CPPUNIT_ASSERT(!openAesCbc(key, base::BytesView(iv).first(15), sealed).ok());
        CPPUNIT_ASSERT(!openAesCbc(key, iv, base::BytesView(sealed).first(16)).ok());
        CPPUNIT_ASSERT(!openAesCbc(key, iv, base::BytesView(sealed).first(31)).ok());
        CPPUNIT_ASSERT(!openAesCbc(key, iv, {}).ok());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ImportedTest);

}  // namespace agentidp::crypto
