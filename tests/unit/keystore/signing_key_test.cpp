#include "keystore/signing_key.h"

#include <cppunit/extensions/HelperMacros.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/json.h"
#include "plugin/contract/jwk_check.h"

namespace agentidp::keystore {
namespace {

using plugin::contract::freshPkcs8;
using plugin::contract::thumbprintOf;
using plugin::contract::verifies;

class SigningKeyTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SigningKeyTest);
    CPPUNIT_TEST(writesSixtyFourBytesWhateverTheNumbers);
    CPPUNIT_TEST(namesKeysByTheirThumbprint);
    CPPUNIT_TEST(refusesKeysThatDoNotFit);
    CPPUNIT_TEST(refusesKeysWhosePartsDoNotBelongTogether);
    CPPUNIT_TEST(givesUpASearchWhenTold);
    CPPUNIT_TEST_SUITE_END();

    static std::shared_ptr<const SigningKey> made(Algorithm algorithm) {
        auto key = SigningKey::generate(algorithm, 2048, [] { return true; });
        CPPUNIT_ASSERT(key.ok());
        return *key;
    }
    static std::string derOf(EVP_PKEY* key) {
        PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key);
        unsigned char* der = nullptr;
        const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
        std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
        OPENSSL_free(der);
        PKCS8_PRIV_KEY_INFO_free(info);
        EVP_PKEY_free(key);
        return out;
    }
    static void refused(Algorithm algorithm, const std::string& der) {
        const auto key = SigningKey::fromPkcs8(algorithm, der, SigningKey::Check::Thorough);
        CPPUNIT_ASSERT(!key.ok());
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, key.fail().status);
    }

    /// One r or s in 256 begins with a zero byte: 2,000 signatures meet each case many times.
    void writesSixtyFourBytesWhateverTheNumbers() {
        const auto key = made(Algorithm::ES256);
        const auto jwk = base::json::parse(key->publicJwk());
        int shorter = 0;
        for (int i = 0; i < 2'000; ++i) {
            const auto text = std::to_string(i);
            const auto signature = key->sign(text);
            CPPUNIT_ASSERT(signature.ok());
            CPPUNIT_ASSERT_EQUAL(std::size_t{64}, signature->size());
            if ((*signature)[0] != 0 && (*signature)[32] != 0 && i % 50 != 0) continue;
            ++shorter;
            CPPUNIT_ASSERT(*verifies(*jwk, "ES256", base::bytesOf(text), base::bytesOf(*signature)));
        }
        CPPUNIT_ASSERT(shorter > 41);
    }
    void namesKeysByTheirThumbprint() {
        for (const auto algorithm : {Algorithm::ES256, Algorithm::RS256, Algorithm::PS256, Algorithm::EdDSA}) {
            const auto key = made(algorithm);
            CPPUNIT_ASSERT_EQUAL(*thumbprintOf(*base::json::parse(key->publicJwk())), key->fingerprint());
            const auto again = SigningKey::fromPkcs8(algorithm, key->pkcs8()->view(), SigningKey::Check::Thorough);
            CPPUNIT_ASSERT(again.ok());
            CPPUNIT_ASSERT_EQUAL(key->fingerprint(), (*again)->fingerprint());
        }
    }
    void refusesKeysThatDoNotFit() {
        refused(Algorithm::ES256, derOf(EVP_EC_gen("P-384")));
        refused(Algorithm::ES256, derOf(EVP_EC_gen("secp256k1")));
        refused(Algorithm::EdDSA, derOf(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")));
        refused(Algorithm::EdDSA, derOf(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")));
        refused(Algorithm::RS256, derOf(EVP_RSA_gen(1024)));
        refused(Algorithm::RS256, derOf(EVP_EC_gen("P-256")));
        refused(Algorithm::ES256, std::string());
        refused(Algorithm::ES256, std::string(100, '\0'));
    }
    void refusesKeysWhosePartsDoNotBelongTogether() {
        // The public point stands at the end of an EC key's PKCS#8.
        auto ec = derOf(EVP_EC_gen("P-256"));
        ec.back() = static_cast<char>(ec.back() ^ 1);
        refused(Algorithm::ES256, ec);
        auto rsa = derOf(EVP_RSA_gen(2048));
        rsa.back() = static_cast<char>(rsa.back() ^ 1);
        refused(Algorithm::RS256, rsa);
    }
    void givesUpASearchWhenTold() {
        const auto key = SigningKey::generate(Algorithm::RS256, 4096, [] { return false; });
        CPPUNIT_ASSERT(!key.ok());
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_CANCELLED}, key.fail().status);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SigningKeyTest);

}  // namespace
}  // namespace agentidp::keystore
