/// Keys: what is read, what is refused, and that every algorithm signs what it verifies.
#include <cppunit/extensions/HelperMacros.h>

#include <thread>
#include <vector>

#include "base/text.h"
#include "crypto/key.h"
#include "crypto/weak_rsa.h"
#include "key_texts.h"

namespace agentidp::crypto {

using base::Bytes;
using base::Errc;

class KeyTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KeyTest);
    CPPUNIT_TEST(signsAndVerifiesWithEveryAlgorithm);
    CPPUNIT_TEST(survivesPkcs8);
    CPPUNIT_TEST(survivesItsMembers);
    CPPUNIT_TEST(readsPemOfEveryKind);
    CPPUNIT_TEST(namesAlgorithmsAsBytes);
    CPPUNIT_TEST(refusesAnAlgorithmForAnotherType);
    CPPUNIT_TEST(refusesSignaturesOfAnotherLength);
    CPPUNIT_TEST(refusesEcdsaValuesOutOfRange);
    CPPUNIT_TEST(refusesDerInPlaceOfJoinedEcdsa);
    CPPUNIT_TEST(refusesPointsOffTheCurve);
    CPPUNIT_TEST(refusesWeakRsaKeys);
    CPPUNIT_TEST(refusesRocaModuli);
    CPPUNIT_TEST(refusesEd25519KeysOfSmallOrder);
    CPPUNIT_TEST(refusesAPrivatePartOfAnotherKey);
    CPPUNIT_TEST(refusesOtherCurves);
    CPPUNIT_TEST(refusesBrokenPem);
    CPPUNIT_TEST(refusesBytesBehindAKey);
    CPPUNIT_TEST(signsFromManyThreadsAtOnce);
    CPPUNIT_TEST_SUITE_END();

    static constexpr std::array<Algorithm, 4> kAll{Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa};
    static base::BytesView data() { return base::bytesOf("what is signed"); }
    static PrivateKey fresh(Algorithm algorithm) { return PrivateKey::generate(algorithm).value(); }
    /// RSA keys take long to make.
    static const PrivateKey& rsa() {
        static const PrivateKey key = fresh(Algorithm::Rs256);
        return key;
    }
    static PrivateKey some(Algorithm algorithm) { return typeFor(algorithm) == KeyType::Rsa ? rsa() : fresh(algorithm); }
    template <class T>
    static void refused(const base::Result<T>& result, Errc code = Errc::Invalid) {
        CPPUNIT_ASSERT(!result.ok());
        CPPUNIT_ASSERT_MESSAGE(result.error().hint, result.error().code == code);
    }

public:
    void signsAndVerifiesWithEveryAlgorithm() {
        for (const auto algorithm : kAll) {
            const auto key = some(algorithm);
            for (int again = 0; again < 3; ++again) {
                auto signature = key.sign(algorithm, data()).value();
                CPPUNIT_ASSERT(key.publicKey().verify(algorithm, data(), signature));
                CPPUNIT_ASSERT(!key.publicKey().verify(algorithm, base::bytesOf("something else"), signature));
                signature[again * 7U] ^= 1U;
                CPPUNIT_ASSERT(!key.publicKey().verify(algorithm, data(), signature));
            }
        }
        const auto pkcs1 = rsa().sign(Algorithm::Rs256, data()).value();
        CPPUNIT_ASSERT(!rsa().publicKey().verify(Algorithm::Ps256, data(), pkcs1));
    }

    void survivesPkcs8() {
        for (const auto algorithm : kAll) {
            const auto key = some(algorithm);
            const auto der = key.toPkcs8().value();
            const auto again = PrivateKey::fromPkcs8(der.view()).value();
            CPPUNIT_ASSERT(again.publicKey() == key.publicKey());
            CPPUNIT_ASSERT(key.publicKey().verify(algorithm, data(), again.sign(algorithm, data()).value()));
        }
    }

    void survivesItsMembers() {
        for (const auto algorithm : kAll) {
            const auto key = some(algorithm);
            const auto again = PrivateKey::fromMembers(key.publicKey().members(), key.members().value()).value();
            CPPUNIT_ASSERT(key.publicKey().verify(algorithm, data(), again.sign(algorithm, data()).value()));
            CPPUNIT_ASSERT(PublicKey::fromPem(key.publicKey().toPem()).value() == key.publicKey());
        }
    }

    void readsPemOfEveryKind() {
        const auto pkcs1 = PrivateKey::fromPem(tests::kRsaPkcs1Pem).value();
        const auto pkcs8 = PrivateKey::fromPem(tests::kRsaPkcs8Pem).value();
        CPPUNIT_ASSERT(pkcs1.publicKey() == pkcs8.publicKey());
        CPPUNIT_ASSERT(PublicKey::fromPem(tests::kRsaPublicPem).value() == pkcs1.publicKey());
        CPPUNIT_ASSERT(PublicKey::fromPem(tests::kRsaPublicPkcs1Pem).value() == pkcs1.publicKey());
        CPPUNIT_ASSERT(PrivateKey::fromPem(tests::kEcSec1Pem).value().type() == KeyType::Ec);
        CPPUNIT_ASSERT(PrivateKey::fromPem(std::string(tests::kEcSec1Pem) + "\r\n\n").ok());
        refused(PrivateKey::fromPem(tests::kEncryptedPem), Errc::Unsupported);
    }

    void namesAlgorithmsAsBytes() {
        for (const auto algorithm : kAll) CPPUNIT_ASSERT(algorithmNamed(nameOf(algorithm)) == algorithm);
        for (const auto* other : {"", "none", "None", "es256", "ES256 ", "HS256", "ES384", "RS512"}) CPPUNIT_ASSERT(!algorithmNamed(other));
    }

    void refusesAnAlgorithmForAnotherType() {
        const auto ec = fresh(Algorithm::Es256);
        refused(ec.sign(Algorithm::Rs256, data()));
        refused(ec.sign(Algorithm::EdDsa, data()));
        const auto signature = ec.sign(Algorithm::Es256, data()).value();
        CPPUNIT_ASSERT(!ec.publicKey().verify(Algorithm::EdDsa, data(), signature));
        CPPUNIT_ASSERT(!ec.publicKey().verify(Algorithm::Rs256, data(), signature));
    }

    void refusesSignaturesOfAnotherLength() {
        for (const auto algorithm : kAll) {
            const auto key = some(algorithm);
            auto signature = key.sign(algorithm, data()).value();
            CPPUNIT_ASSERT(!key.publicKey().verify(algorithm, data(), {}));
            CPPUNIT_ASSERT(!key.publicKey().verify(algorithm, data(), base::BytesView(signature).first(signature.size() - 1)));
            signature.push_back(0);
            CPPUNIT_ASSERT(!key.publicKey().verify(algorithm, data(), signature));
        }
    }

    void refusesEcdsaValuesOutOfRange() {
        const auto key = fresh(Algorithm::Es256).publicKey();
        const Bytes order = base::unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
        const Bytes zero(32);
        Bytes one(32);
        one.back() = 1;
        const Bytes most(32, 0xff);
        for (const auto& r : {zero, one, order, most})
            for (const auto& s : {zero, one, order, most}) {
                Bytes signature = r;
                signature.insert(signature.end(), s.begin(), s.end());
                CPPUNIT_ASSERT(!key.verify(Algorithm::Es256, data(), signature));
            }
    }

    void refusesDerInPlaceOfJoinedEcdsa() {
        const auto key = fresh(Algorithm::Es256);
        const auto joined = key.sign(Algorithm::Es256, data()).value();
        Bytes der{0x30, 0x44, 0x02, 0x20};
        der.insert(der.end(), joined.begin(), joined.begin() + 32);
        der.insert(der.end(), {0x02, 0x20});
        der.insert(der.end(), joined.begin() + 32, joined.end());
        CPPUNIT_ASSERT(!key.publicKey().verify(Algorithm::Es256, data(), der));
    }

    void refusesPointsOffTheCurve() {
        auto members = fresh(Algorithm::Es256).publicKey().members();
        members.y.back() ^= 1U;
        refused(PublicKey::fromMembers(members));
        members.x.assign(32, 0);
        members.y.assign(32, 0);
        refused(PublicKey::fromMembers(members));
        members.x.assign(31, 1);
        refused(PublicKey::fromMembers(members));
        members.x.assign(33, 1);
        refused(PublicKey::fromMembers(members));
    }

    void refusesWeakRsaKeys() {
        const auto good = rsa().publicKey().members();
        const auto with = [&](Bytes n, Bytes e) {
            PublicMembers members;
            members.type = KeyType::Rsa;
            members.n = std::move(n);
            members.e = std::move(e);
            return PublicKey::fromMembers(std::move(members));
        };
        CPPUNIT_ASSERT(with(good.n, good.e).ok());
        for (const auto& exponent :
             std::vector<Bytes>{{}, {0}, {1}, {3}, {0x01, 0x00, 0x00}, {0x00, 0x01, 0x00, 0x01}, {0xff, 0xff}, Bytes(9, 0xff)})
            refused(with(good.n, exponent));
        refused(with(Bytes(good.n.begin(), good.n.end() - 1), good.e));
        Bytes even = good.n;
        even.back() &= 0xfeU;
        refused(with(even, good.e));
        Bytes padded = good.n;
        padded.insert(padded.begin(), 0);
        refused(with(padded, good.e));
        Bytes huge(1025, 0xff);
        refused(with(huge, good.e));
    }

    void refusesRocaModuli() {
        const auto weak = base::unhex(tests::kRocaModulus).value();
        CPPUNIT_ASSERT(isRocaModulus(weak));
        CPPUNIT_ASSERT(!isRocaModulus(rsa().publicKey().members().n));
        PublicMembers members;
        members.type = KeyType::Rsa;
        members.n = weak;
        members.e = {1, 0, 1};
        refused(PublicKey::fromMembers(members));
    }

    void refusesEd25519KeysOfSmallOrder() {
        PublicMembers members;
        members.type = KeyType::Ed25519;
        for (const auto* text : {"0000000000000000000000000000000000000000000000000000000000000000",
                                 "0000000000000000000000000000000000000000000000000000000000000080",
                                 "0100000000000000000000000000000000000000000000000000000000000000",
                                 "0100000000000000000000000000000000000000000000000000000000000080",
                                 "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                 "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                                 "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                 "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                                 "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                                 "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                                 "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                                 "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"}) {
            members.x = base::unhex(text).value();
            refused(PublicKey::fromMembers(members));
        }
        members.x.assign(31, 9);
        refused(PublicKey::fromMembers(members));
    }

    void refusesAPrivatePartOfAnotherKey() {
        for (const auto algorithm : {Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256}) {
            const auto one = some(algorithm);
            const auto other = fresh(algorithm);
            refused(PrivateKey::fromMembers(one.publicKey().members(), other.members().value()));
        }
        auto zero = fresh(Algorithm::Es256);
        PrivateMembers members;
        members.d = base::Secret(Bytes(32));
        refused(PrivateKey::fromMembers(zero.publicKey().members(), members));
    }

    void refusesOtherCurves() {
        refused(PrivateKey::fromPem(tests::kSecp256k1Pem), Errc::Unsupported);
        refused(PrivateKey::fromPem(tests::kP384Pem), Errc::Unsupported);
    }

    void refusesBrokenPem() {
        const std::string good = fresh(Algorithm::Es256).publicKey().toPem();
        CPPUNIT_ASSERT(PublicKey::fromPem(good).ok());
        for (const std::string& bad :
             {std::string(), std::string("-----BEGIN PUBLIC KEY-----"), "x" + good, good + "x", good + good,
              good.substr(0, good.size() - 8), std::string("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n")})
            refused(PublicKey::fromPem(bad));
        std::string flipped = good;
        flipped[40] = '*';
        refused(PublicKey::fromPem(flipped));
        refused(PublicKey::fromPem(tests::kRsaPkcs8Pem), Errc::Unsupported);
        refused(PrivateKey::fromPem(good), Errc::Unsupported);
    }

    void refusesBytesBehindAKey() {
        const auto der = fresh(Algorithm::Es256).toPkcs8().value();
        Bytes longer(der.view().begin(), der.view().end());
        longer.push_back(0);
        refused(PrivateKey::fromPkcs8(longer));
        refused(PrivateKey::fromPkcs8(base::BytesView(longer).first(longer.size() - 2)));
        refused(PrivateKey::fromPkcs8({}));
    }

    void signsFromManyThreadsAtOnce() {
        for (const auto algorithm : {Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256}) {
            const auto key = some(algorithm);
            // More threads than context slots, so that some share one.
            std::vector<int> wrong(20);
            std::vector<std::thread> threads;
            for (int& count : wrong)
                threads.emplace_back([&key, &count, algorithm] {
                    for (int i = 0; i < 5; ++i) {
                        const auto signature = key.sign(algorithm, data());
                        if (!signature || !key.publicKey().verify(algorithm, data(), *signature)) ++count;
                    }
                });
            for (auto& thread : threads) thread.join();
            for (const int count : wrong) CPPUNIT_ASSERT_EQUAL(0, count);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KeyTest);

}  // namespace agentidp::crypto
