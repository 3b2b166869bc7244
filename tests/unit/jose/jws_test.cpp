/// Compact JWS: what is accepted, what is refused, and the Wycheproof vectors through the whole path from JWK to token.
#include <cppunit/extensions/HelperMacros.h>

#include "../crypto/wycheproof.h"
#include "jose/jws.h"
#include "token_maker.h"

namespace agentidp::jose {

using base::Errc;
using base::json::Value;
using crypto::Algorithm;
using tests::TokenKeys;
using tests::tokenOf;

class JwsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(JwsTest);
    CPPUNIT_TEST(verifiesWhatItSigned);
    CPPUNIT_TEST(writesTheHeaderExactly);
    CPPUNIT_TEST(borrowsTheSigningInput);
    CPPUNIT_TEST(acceptsAnEmptyPayload);
    CPPUNIT_TEST(refusesATokenWithoutKid);
    CPPUNIT_TEST(refusesWhatIsTooLarge);
    CPPUNIT_TEST(refusesHeadersOfOtherTypes);
    CPPUNIT_TEST(saysTheSameForEveryForgery);
    CPPUNIT_TEST(wycheproofSignatures);
    CPPUNIT_TEST(wycheproofKeys);
    CPPUNIT_TEST_SUITE_END();

    static const TokenKeys& keys() { return TokenKeys::shared(); }

    static bool isOurs(const std::string& alg) { return crypto::algorithmNamed(alg).has_value(); }

public:
    void verifiesWhatItSigned() {
        const auto check = [](const VerificationKey& verifier, const crypto::PrivateKey& key) {
            std::string token = signingInput(headerSegment(verifier.alg, verifier.kid, "at+jwt"), R"({"sub":"a"})");
            const auto before = token.capacity();
            const auto signature = key.sign(verifier.alg, base::bytesOf(token)).value();
            appendSignature(token, signature);
            CPPUNIT_ASSERT_EQUAL(before, token.capacity());
            const auto jws = verifyJws(token, verifier);
            CPPUNIT_ASSERT(jws.ok());
            CPPUNIT_ASSERT_EQUAL(std::string(R"({"sub":"a"})"), std::string(base::textOf(jws->payload)));
            CPPUNIT_ASSERT_EQUAL(std::string("at+jwt"), jws->header.typ);
        };
        check(keys().ecVerifier(), keys().ec);
        check(keys().rsaVerifier(), keys().rsa);
        check(keys().edVerifier(), keys().ed);
        check({model::KeyId("pss"), Algorithm::Ps256, keys().rsa.publicKey()}, keys().rsa);
    }

    void writesTheHeaderExactly() {
        CPPUNIT_ASSERT_EQUAL(tests::segment(R"({"alg":"ES256","kid":"k1","typ":"at+jwt"})") + ".",
                             headerSegment(Algorithm::Es256, model::KeyId("k1"), "at+jwt"));
        CPPUNIT_ASSERT_EQUAL(tests::segment(R"({"alg":"RS256","kid":"k1"})") + ".",
                             headerSegment(Algorithm::Rs256, model::KeyId("k1"), ""));
    }

    void borrowsTheSigningInput() {
        const std::string token = tokenOf(keys().ec, Algorithm::Es256, R"({"alg":"ES256","kid":"ec"})", "x");
        const auto jws = parseJws(token).value();
        CPPUNIT_ASSERT(jws.signingInput.data() == token.data());
        CPPUNIT_ASSERT_EQUAL(token.rfind('.'), jws.signingInput.size());
    }

    void acceptsAnEmptyPayload() {
        CPPUNIT_ASSERT(verifyJws(tokenOf(keys().ec, Algorithm::Es256, R"({"alg":"ES256","kid":"ec"})", ""), keys().ecVerifier()).ok());
    }

    void refusesATokenWithoutKid() {
        for (const auto* header :
             {R"({"alg":"ES256"})", R"({"alg":"ES256","kid":""})", R"({"alg":"ES256","kid":null})", R"({"alg":"ES256","kid":1})"})
            CPPUNIT_ASSERT(!verifyJws(tokenOf(keys().ec, Algorithm::Es256, header, "x"), keys().ecVerifier()).ok());
    }

    void refusesWhatIsTooLarge() {
        const auto big = tokenOf(keys().ec, Algorithm::Es256, R"({"alg":"ES256","kid":"ec"})", std::string(kMaxToken, 'x'));
        CPPUNIT_ASSERT(verifyJws(big, keys().ecVerifier()).error().code == Errc::TooLarge);
        const std::string padded = R"({"alg":"ES256","kid":"ec","x":")" + std::string(kMaxHeader, 'x') + "\"}";
        CPPUNIT_ASSERT(!verifyJws(tokenOf(keys().ec, Algorithm::Es256, padded, "x"), keys().ecVerifier()).ok());
        const std::string deep = R"({"alg":"ES256","kid":"ec","x":)" + std::string(20, '[') + std::string(20, ']') + "}";
        CPPUNIT_ASSERT(!verifyJws(tokenOf(keys().ec, Algorithm::Es256, deep, "x"), keys().ecVerifier()).ok());
        const std::string longKid = R"({"alg":"ES256","kid":")" + std::string(257, 'k') + "\"}";
        CPPUNIT_ASSERT(!parseJws(tokenOf(keys().ec, Algorithm::Es256, longKid, "x")).ok());
    }

    void refusesHeadersOfOtherTypes() {
        for (const auto* header : {"", "[]", "null", "\"x\"", "{", R"({"alg":"ES256","kid":"ec","typ":1})",
                                   R"({"alg":"ES256","kid":"ec"} )"
                                   "x",
                                   "\xEF\xBB\xBF{\"alg\":\"ES256\",\"kid\":\"ec\"}"})
            CPPUNIT_ASSERT(!verifyJws(tokenOf(keys().ec, Algorithm::Es256, header, "x"), keys().ecVerifier()).ok());
        for (const auto* header : {R"({"alg":"ES256","kid":"ec","crit":["exp"]})", R"({"alg":"ES256","kid":"ec","crit":[]})",
                                   R"({"alg":"ES256","kid":"ec","b64":false})", R"({"alg":"ES256","kid":"ec","b64":true})"})
            CPPUNIT_ASSERT(!verifyJws(tokenOf(keys().ec, Algorithm::Es256, header, "x"), keys().ecVerifier()).ok());
    }

    void saysTheSameForEveryForgery() {
        const auto unknown = verifyJws(tokenOf(keys().ec, Algorithm::Es256, R"({"alg":"ES256","kid":"nobody"})", "x"), keys().ecVerifier());
        const auto forged = verifyJws(
            tokenOf(crypto::PrivateKey::generate(Algorithm::Es256).value(), Algorithm::Es256, R"({"alg":"ES256","kid":"ec"})", "x"),
            keys().ecVerifier());
        CPPUNIT_ASSERT(unknown.error().code == Errc::Unauthenticated);
        CPPUNIT_ASSERT(forged.error().code == Errc::Unauthenticated);
        CPPUNIT_ASSERT_EQUAL(unknown.error().hint, forged.error().hint);
        CPPUNIT_ASSERT(unknown.error().detail != forged.error().detail);
    }

    // Of the `valid` vectors, those of algorithms that this house does not offer (HS256, RS384, RS512, PS384, PS512, ES512) are
    // refused: counted and asserted. Two of them (tcId 372, 373) have a '?' inside base64url, which would be refused as well.
    void wycheproofSignatures() {
        int notOffered = 0;
        const auto tally = tests::forEachVector("json_web_signature_test.json", false, [&](const Value& group, const Value& test) {
            const auto* jwk = group.find("public") != nullptr ? group.find("public") : group.find("private");
            const std::string token = test.textOr("jws", "");
            const bool valid = test.textOr("result", "") == "valid";
            const auto key = importPublic(*jwk);
            const bool accepted = key && verifyJws(token, *key).ok();
            const auto parsed = parseJws(token);
            const bool offered = isOurs(jwk->textOr("alg", "")) && parsed && isOurs(parsed->header.alg);
            if (!valid || offered) return accepted;
            CPPUNIT_ASSERT(!accepted);
            ++notOffered;
            return true;
        });
        if (tally.accepted + tally.refused == 0) return;
        CPPUNIT_ASSERT_EQUAL(355, tally.refused);
        CPPUNIT_ASSERT_EQUAL(30, notOffered);
    }

    // Symmetric keys do not exist here: the five `valid` sets that hold one are refused, but for the RSA set.
    void wycheproofKeys() {
        int notOffered = 0;
        const auto tally = tests::forEachVector("json_web_key_test.json", false, [&](const Value& group, const Value& test) {
            const auto* set = group.find("public") != nullptr ? group.find("public") : group.find("private");
            const bool valid = test.textOr("result", "") == "valid";
            const auto parsed = parseJwks(base::json::write(*set));
            bool accepted = false;
            if (parsed)
                accepted = verifyJws(test.textOr("jws", ""), [&](const model::KeyId& kid) -> const VerificationKey* {
                               for (const auto& key : *parsed)
                                   if (key.kid == kid) return &key;
                               return nullptr;
                           }).ok();
            if (!valid || set->find("keys")->asArray()->front().textOr("kty", "") != "oct") return accepted;
            CPPUNIT_ASSERT(!accepted);
            ++notOffered;
            return true;
        });
        if (tally.accepted + tally.refused == 0) return;
        CPPUNIT_ASSERT_EQUAL(21, tally.refused);
        CPPUNIT_ASSERT_EQUAL(4, notOffered);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JwsTest);

}  // namespace agentidp::jose
