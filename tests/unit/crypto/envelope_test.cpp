/// Envelopes, key derivation (RFC 5869 appendix A) and locked memory.
#include <cppunit/extensions/HelperMacros.h>

#include "base/text.h"
#include "crypto/aead.h"
#include "crypto/hkdf.h"
#include "crypto/locked_memory.h"

namespace agentidp::crypto {

using base::Bytes;
using base::Errc;

class EnvelopeTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EnvelopeTest);
    CPPUNIT_TEST(opensWhatItSealed);
    CPPUNIT_TEST(opensNowhereElse);
    CPPUNIT_TEST(refusesEveryChangedByte);
    CPPUNIT_TEST(refusesEveryTruncation);
    CPPUNIT_TEST(demandsAPlaceAndAWholeKey);
    CPPUNIT_TEST(neverSealsAlike);
    CPPUNIT_TEST(derivesAsPublished);
    CPPUNIT_TEST(refusesLengthsItCannotDerive);
    CPPUNIT_TEST(keepsAndMovesLockedBytes);
    CPPUNIT_TEST_SUITE_END();

    static Aead aead(std::uint8_t fill = 7) { return Aead::withKey(Bytes(32, fill)).value(); }

public:
    void opensWhatItSealed() {
        for (const std::size_t size : {0U, 1U, 31U, 4096U}) {
            const Bytes plain(size, 42);
            const auto envelope = aead().seal(plain, "place").value();
            CPPUNIT_ASSERT_EQUAL(size + 29, envelope.size());
            const auto opened = aead().open(envelope, "place").value();
            CPPUNIT_ASSERT(Bytes(opened.view().begin(), opened.view().end()) == plain);
        }
    }

    void opensNowhereElse() {
        const auto envelope = aead().seal(Bytes(8, 1), "table:row1").value();
        CPPUNIT_ASSERT(!aead().open(envelope, "table:row2").ok());
        CPPUNIT_ASSERT(!aead(8).open(envelope, "table:row1").ok());
    }

    void refusesEveryChangedByte() {
        const auto envelope = aead().seal(Bytes(8, 1), "place").value();
        for (std::size_t i = 0; i < envelope.size(); ++i) {
            Bytes changed = envelope;
            changed[i] ^= 1U;
            const auto opened = aead().open(changed, "place");
            CPPUNIT_ASSERT(!opened.ok());
            CPPUNIT_ASSERT(opened.error().code == Errc::Invalid);
        }
    }

    void refusesEveryTruncation() {
        const auto envelope = aead().seal(Bytes(8, 1), "place").value();
        for (std::size_t size = 0; size < envelope.size(); ++size)
            CPPUNIT_ASSERT(!aead().open(base::BytesView(envelope).first(size), "place").ok());
    }

    void demandsAPlaceAndAWholeKey() {
        CPPUNIT_ASSERT(!aead().seal(Bytes(8, 1), "").ok());
        CPPUNIT_ASSERT(!Aead::withKey(Bytes(16, 1)).ok());
        CPPUNIT_ASSERT(!Aead::withKey(Bytes(33, 1)).ok());
    }

    void neverSealsAlike() { CPPUNIT_ASSERT(aead().seal(Bytes(8, 1), "place").value() != aead().seal(Bytes(8, 1), "place").value()); }

    void derivesAsPublished() {
        const Bytes key(22, 0x0b);
        const auto salt = base::unhex("000102030405060708090a0b0c").value();
        const auto info = base::unhex("f0f1f2f3f4f5f6f7f8f9").value();
        CPPUNIT_ASSERT_EQUAL(std::string("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
                             base::hex(hkdfSha256(key, salt, base::textOf(info), 42).value().view()));
        CPPUNIT_ASSERT_EQUAL(std::string("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
                             base::hex(hkdfSha256(key, {}, "", 42).value().view()));
    }

    void refusesLengthsItCannotDerive() {
        CPPUNIT_ASSERT(!hkdfSha256(Bytes(32, 1), {}, "x", 0).ok());
        CPPUNIT_ASSERT(!hkdfSha256(Bytes(32, 1), {}, "x", 8161).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{8160}, hkdfSha256(Bytes(32, 1), {}, "x", 8160).value().view().size());
    }

    void keepsAndMovesLockedBytes() {
        LockedBytes one(Bytes(5000, 9));
        LockedBytes two(std::move(one));
        CPPUNIT_ASSERT(one.empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{5000}, two.view().size());
        CPPUNIT_ASSERT_EQUAL(std::uint8_t{9}, two.view()[4999]);
        one = std::move(two);
        CPPUNIT_ASSERT(two.empty());
        CPPUNIT_ASSERT_EQUAL(std::uint8_t{9}, one.view()[0]);
        CPPUNIT_ASSERT(LockedBytes(base::BytesView{}).empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EnvelopeTest);

}  // namespace agentidp::crypto
