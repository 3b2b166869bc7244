/// SHA-256 and HMAC-SHA-256 against published values (FIPS 180-4 examples, RFC 4231).
#include <cppunit/extensions/HelperMacros.h>

#include <thread>
#include <vector>

#include "base/text.h"
#include "crypto/hash.h"

namespace agentidp::crypto {

class HashTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HashTest);
    CPPUNIT_TEST(digestsAsPublished);
    CPPUNIT_TEST(digestsInPiecesAsInOne);
    CPPUNIT_TEST(startsAnewAfterFinish);
    CPPUNIT_TEST(macsAsPublished);
    CPPUNIT_TEST(takesAnEmptyKey);
    CPPUNIT_TEST(verifiesOnlyTheWholeMac);
    CPPUNIT_TEST(macsFromManyThreadsAtOnce);
    CPPUNIT_TEST_SUITE_END();

    static base::BytesView bytes(std::string_view text) { return base::bytesOf(text); }

public:
    void digestsAsPublished() {
        CPPUNIT_ASSERT_EQUAL(std::string("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
                             base::hex(sha256(base::BytesView{})));
        CPPUNIT_ASSERT_EQUAL(std::string("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
                             base::hex(sha256(bytes("abc"))));
        CPPUNIT_ASSERT_EQUAL(std::string("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
                             base::hex(sha256(bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))));
    }

    void digestsInPiecesAsInOne() {
        CPPUNIT_ASSERT(sha256(bytes("abc")) == sha256({bytes("a"), {}, bytes("bc")}));
        Sha256 pieces;
        pieces.update(bytes("a"));
        pieces.update({});
        pieces.update(bytes("bc"));
        CPPUNIT_ASSERT(sha256(bytes("abc")) == pieces.finish());
    }

    void startsAnewAfterFinish() {
        Sha256 pieces;
        pieces.update(bytes("noise"));
        (void)pieces.finish();
        pieces.update(bytes("abc"));
        CPPUNIT_ASSERT(sha256(bytes("abc")) == pieces.finish());
    }

    void macsAsPublished() {
        const base::Bytes first(20, 0x0b);
        CPPUNIT_ASSERT_EQUAL(std::string("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
                             base::hex(HmacSha256(first).mac(bytes("Hi There"))));
        const HmacSha256 jefe(bytes("Jefe"));
        const std::string expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        CPPUNIT_ASSERT_EQUAL(expected, base::hex(jefe.mac(bytes("what do ya want for nothing?"))));
        CPPUNIT_ASSERT_EQUAL(expected, base::hex(jefe.mac({bytes("what do ya want "), bytes("for nothing?")})));
    }

    void takesAnEmptyKey() {
        CPPUNIT_ASSERT_EQUAL(std::string("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
                             base::hex(HmacSha256(base::BytesView{}).mac(base::BytesView{})));
    }

    void verifiesOnlyTheWholeMac() {
        const HmacSha256 key(bytes("key"));
        Digest256 mac = key.mac(bytes("data"));
        CPPUNIT_ASSERT(key.verify(bytes("data"), mac));
        CPPUNIT_ASSERT(!key.verify(bytes("data"), base::BytesView(mac).first(31)));
        CPPUNIT_ASSERT(!key.verify(bytes("data"), {}));
        mac[31] ^= 1;
        CPPUNIT_ASSERT(!key.verify(bytes("data"), mac));
    }

    void macsFromManyThreadsAtOnce() {
        const HmacSha256 key(bytes("key"));
        const Digest256 expected = key.mac(bytes("data"));
        std::vector<std::thread> threads;
        std::vector<int> wrong(4);
        for (int& count : wrong)
            threads.emplace_back([&key, &expected, &count] {
                for (int i = 0; i < 500; ++i)
                    if (key.mac(bytes("data")) != expected || sha256(bytes("abc"))[0] != 0xba) ++count;
            });
        for (auto& thread : threads) thread.join();
        for (const int count : wrong) CPPUNIT_ASSERT_EQUAL(0, count);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HashTest);

}  // namespace agentidp::crypto
