#include "ratelimit/siphash.h"

#include <cppunit/extensions/HelperMacros.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>
#include <string>

namespace agentidp::ratelimit {
namespace {

class SipHashTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SipHashTest);
    CPPUNIT_TEST(agreesWithOpenSslForEveryLength);
    CPPUNIT_TEST_SUITE_END();

    /// SipHash-2-4 with 16 bytes, by another implementation.
    static std::string reference(const unsigned char* key, const std::string& text) {
        const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "SIPHASH", nullptr), EVP_MAC_free);
        const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(EVP_MAC_CTX_new(mac.get()), EVP_MAC_CTX_free);
        unsigned size = 16;
        const OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
        std::string out(16, '\0');
        std::size_t written = 0;
        CPPUNIT_ASSERT_EQUAL(1, EVP_MAC_init(context.get(), key, 16, params));
        CPPUNIT_ASSERT_EQUAL(1, EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size()));
        CPPUNIT_ASSERT_EQUAL(1, EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(out.data()), &written, out.size()));
        return out;
    }

    void agreesWithOpenSslForEveryLength() {
        unsigned char key[16];
        for (unsigned i = 0; i < 16; ++i) key[i] = static_cast<unsigned char>(i * 17 + 3);
        HashSeed seed;
        std::memcpy(&seed.low, key, 8);
        std::memcpy(&seed.high, key + 8, 8);
        std::string text;
        for (std::size_t size = 0; size < 300; ++size) {
            const auto hash = sipHash(seed, text);
            CPPUNIT_ASSERT(reference(key, text) == std::string(reinterpret_cast<const char*>(&hash), 16));
            text.push_back(static_cast<char>(size * 7));
        }
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SipHashTest);

}  // namespace
}  // namespace agentidp::ratelimit
