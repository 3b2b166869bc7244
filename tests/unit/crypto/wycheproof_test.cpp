/// Our primitives against the Wycheproof vectors. Every `valid` passes, every `invalid` is refused, and what this house
/// refuses on top of that, or decides about `acceptable`, is said at the test.
#include <cppunit/extensions/HelperMacros.h>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "wycheproof.h"

namespace agentidp::crypto {

using base::json::Value;
using tests::forEachVector;
using tests::hexMember;

class WycheproofTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(WycheproofTest);
    CPPUNIT_TEST(ecdsaP256);
    CPPUNIT_TEST(ed25519);
    CPPUNIT_TEST(rsaPkcs1);
    CPPUNIT_TEST(rsaPss);
    CPPUNIT_TEST(aesGcm);
    CPPUNIT_TEST(hmacSha256);
    CPPUNIT_TEST_SUITE_END();

    /// Vectors without an answer (no folder) have been reported as skipped.
    static void expect(const tests::Tally& tally, int accepted, int refused) {
        if (tally.accepted + tally.refused == 0) return;
        CPPUNIT_ASSERT_EQUAL(accepted, tally.accepted);
        CPPUNIT_ASSERT_EQUAL(refused, tally.refused);
    }

    static bool verifies(const Value& publicKey, Algorithm algorithm, const Value& test) {
        const auto key = PublicKey::fromPem(publicKey.textOr("publicKeyPem", ""));
        return key && key->verify(algorithm, hexMember(test, "msg"), hexMember(test, "sig"));
    }

public:
    void ecdsaP256() {
        expect(forEachVector("ecdsa_secp256r1_sha256_p1363_test.json", false,
                             [](const Value& group, const Value& test) { return verifies(group, Algorithm::Es256, test); }),
               173, 89);
    }

    void ed25519() {
        expect(forEachVector("ed25519_test.json", false,
                             [](const Value& group, const Value& test) { return verifies(group, Algorithm::EdDsa, test); }),
               88, 63);
    }

    // The one `acceptable` vector is a DigestInfo without the NULL parameter (flag MissingNull): refused, since RFC 8017
    // section 9.2 note 1 writes it and every signer does. Two `valid` vectors (flag SmallPublicKey) have an exponent of 3: the
    // key itself is refused here.
    void rsaPkcs1() {
        int smallExponents = 0;
        forEachVector("rsa_signature_2048_sha256_test.json", false, [&](const Value& group, const Value& test) {
            const bool small = group.find("publicKey")->textOr("publicExponent", "") == "03";
            if (!small) return verifies(group, Algorithm::Rs256, test);
            CPPUNIT_ASSERT(!PublicKey::fromPem(group.textOr("publicKeyPem", "")).ok());
            ++smallExponents;
            return test.textOr("result", "") == "valid";
        });
        if (!tests::vectorsFolder().empty()) CPPUNIT_ASSERT_EQUAL(2, smallExponents);
    }

    void rsaPss() {
        expect(forEachVector("rsa_pss_2048_sha256_mgf1_32_test.json", false,
                             [](const Value& group, const Value& test) { return verifies(group, Algorithm::Ps256, test); }),
               63, 45);
    }

    // Envelopes know one key size (256), one nonce size (96 bits), and never an empty place: vectors of other parameters are
    // outside of what an envelope can say, and those with empty associated data are refused although valid.
    void aesGcm() {
        int opened = 0;
        int refusedWithoutPlace = 0;
        forEachVector("aes_gcm_test.json", false, [&](const Value& group, const Value& test) {
            const bool valid = test.textOr("result", "") == "valid";
            if (group.intOr("keySize", 0) != 256 || group.intOr("ivSize", 0) != 96) return valid;
            const auto aead = Aead::withKey(hexMember(test, "key")).value();
            const auto plain = hexMember(test, "msg");
            const auto place = hexMember(test, "aad");
            base::Bytes envelope{1};
            for (const auto* part : {"iv", "ct", "tag"}) {
                const auto bytes = hexMember(test, part);
                envelope.insert(envelope.end(), bytes.begin(), bytes.end());
            }
            const auto secret = aead.open(envelope, base::textOf(place));
            if (place.empty()) {
                CPPUNIT_ASSERT(!secret);
                ++refusedWithoutPlace;
                return valid;
            }
            if (!secret) return false;
            const auto view = secret->view();
            CPPUNIT_ASSERT(base::Bytes(view.begin(), view.end()) == plain);
            ++opened;
            return true;
        });
        if (tests::vectorsFolder().empty()) return;
        CPPUNIT_ASSERT(opened > 10);
        CPPUNIT_ASSERT(refusedWithoutPlace > 10);
    }

    // Half of the vectors have tags cut to 128 bits. This house never cuts: for those the first half is compared.
    void hmacSha256() {
        expect(forEachVector("hmac_sha256_test.json", false,
                             [](const Value&, const Value& test) {
                                 const HmacSha256 key(hexMember(test, "key"));
                                 const auto message = hexMember(test, "msg");
                                 const auto tag = hexMember(test, "tag");
                                 if (tag.size() == 32) return key.verify(message, tag);
                                 CPPUNIT_ASSERT(!key.verify(message, tag));
                                 return base::equalConstantTime(base::BytesView(key.mac(message)).first(tag.size()), tag);
                             }),
               66, 108);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(WycheproofTest);

}  // namespace agentidp::crypto
