/// Rows 26 to 37 of the security cases, as far as a verifier of compact JWS decides them; each test carries its row number.
#include <cppunit/extensions/HelperMacros.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "jose/jwt_claims.h"
#include "token_maker.h"

namespace agentidp::jose {

using base::Errc;
using base::seconds;
using crypto::Algorithm;
using tests::segment;
using tests::TokenKeys;
using tests::tokenOf;

class SecurityRowsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SecurityRowsTest);
    CPPUNIT_TEST(row26RefusesAlgNone);
    CPPUNIT_TEST(row27RefusesHmacKeyedByOurPublicKey);
    CPPUNIT_TEST(row28AsksOnceForAnUnknownKid);
    CPPUNIT_TEST(row29IgnoresKeysTheTokenBrings);
    CPPUNIT_TEST(row30RefusesDuplicateMembers);
    CPPUNIT_TEST(row31RefusesOtherSerialisations);
    CPPUNIT_TEST(row32RefusesEcdsaEdgeCases);
    CPPUNIT_TEST(row33RefusesEd25519EdgeCases);
    CPPUNIT_TEST(row34RefusesRsaSignaturesOfAnotherForm);
    CPPUNIT_TEST(row35ChecksTimesIssuerAndAudience);
    CPPUNIT_TEST(row36ComparesNamesAsBytes);
    CPPUNIT_TEST(row37RefusesEncryptedTokens);
    CPPUNIT_TEST(refusesClaimsOfOtherTypes);
    CPPUNIT_TEST(readsEveryClaimItKnows);
    CPPUNIT_TEST_SUITE_END();

    static constexpr std::string_view kHeader = R"({"alg":"ES256","kid":"ec"})";
    static constexpr std::string_view kPayload = R"({"sub":"a"})";
    static const TokenKeys& keys() { return TokenKeys::shared(); }
    static std::string good() { return tokenOf(keys().ec, Algorithm::Es256, kHeader, kPayload); }
    static bool accepted(std::string_view token, const VerificationKey& key) {
        const auto result = verifyJws(token, key);
        if (!result) CPPUNIT_ASSERT(result.error().code == Errc::Unauthenticated);
        return result.ok();
    }
    static bool accepted(std::string_view token) { return accepted(token, keys().ecVerifier()); }
    static std::string withSignature(base::BytesView signature) {
        return segment(kHeader) + "." + segment(kPayload) + "." + base::base64url(signature);
    }
    static base::Instant now() { return base::Instant(seconds(1'790'000'000)); }
    static JwtClaims claims(const std::string& payload) { return parseClaims(payload).value(); }

public:
    void row26RefusesAlgNone() {
        CPPUNIT_ASSERT(accepted(good()));
        for (const auto* header :
             {R"({"alg":"none","kid":"ec"})", R"({"alg":"None","kid":"ec"})", R"({"alg":"nOnE","kid":"ec"})", R"({"alg":"","kid":"ec"})",
              R"({"kid":"ec"})", R"({"alg":["ES256"],"kid":"ec"})", R"({"alg":null,"kid":"ec"})", R"({"alg":"es256","kid":"ec"})",
              R"({"alg":"ES256 ","kid":"ec"})", R"({"alg":"ES384","kid":"ec"})"}) {
            CPPUNIT_ASSERT(!accepted(segment(header) + "." + segment(kPayload) + "."));
            CPPUNIT_ASSERT(!accepted(tokenOf(keys().ec, Algorithm::Es256, header, kPayload)));
        }
    }

    void row27RefusesHmacKeyedByOurPublicKey() {
        const auto pem = keys().rsa.publicKey().toPem();
        const auto jwk = base::json::write(exportPublic(keys().rsaVerifier()));
        const auto& n = keys().rsa.publicKey().members().n;
        std::string body = pem.substr(27, pem.find("-----END") - 27);
        std::erase(body, '\n');
        const auto der = base::unbase64(body).value();
        for (const auto* header : {R"({"alg":"HS256","kid":"rsa"})", R"({"alg":"RS256","kid":"rsa"})"})
            for (const base::BytesView key : {base::bytesOf(pem), base::BytesView(der), base::bytesOf(jwk), base::BytesView(n)}) {
                const std::string input = segment(header) + "." + segment(kPayload);
                const auto mac = crypto::HmacSha256(key).mac(base::bytesOf(input));
                CPPUNIT_ASSERT(!accepted(input + "." + base::base64url(mac), keys().rsaVerifier()));
            }
        // The key is RS256's: PS256 by the very same key is another algorithm.
        CPPUNIT_ASSERT(!accepted(tokenOf(keys().rsa, Algorithm::Ps256, R"({"alg":"PS256","kid":"rsa"})", kPayload), keys().rsaVerifier()));
    }

    void row28AsksOnceForAnUnknownKid() {
        int asked = 0;
        const auto token = tokenOf(keys().ec, Algorithm::Es256, R"({"alg":"ES256","kid":"other"})", kPayload);
        const auto result = verifyJws(token, [&](const model::KeyId&) -> const VerificationKey* {
            ++asked;
            return nullptr;
        });
        CPPUNIT_ASSERT(!result.ok());
        CPPUNIT_ASSERT_EQUAL(1, asked);
        CPPUNIT_ASSERT(!accepted(tokenOf(keys().ec, Algorithm::Es256, R"({"alg":"ES256","kid":"EC"})", kPayload)));
    }

    void row29IgnoresKeysTheTokenBrings() {
        const auto attacker = crypto::PrivateKey::generate(Algorithm::Es256).value();
        const auto jwk = base::json::write(exportPublic({model::KeyId("ec"), Algorithm::Es256, attacker.publicKey()}));
        for (const std::string& extra : {"\"jwk\":" + jwk, std::string(R"("jku":"https://evil.example/jwks")"),
                                         std::string(R"("x5u":"https://evil.example/c")"), std::string(R"("x5c":["MIIB"])")}) {
            const std::string header = R"({"alg":"ES256","kid":"ec",)" + extra + "}";
            CPPUNIT_ASSERT(!accepted(tokenOf(attacker, Algorithm::Es256, header, kPayload)));
            // Ignored means that they do no harm to a token of our own either.
            CPPUNIT_ASSERT(accepted(tokenOf(keys().ec, Algorithm::Es256, header, kPayload)));
        }
    }

    void row30RefusesDuplicateMembers() {
        for (const auto* header : {R"({"alg":"ES256","alg":"ES256","kid":"ec"})", R"({"alg":"ES256","kid":"ec","kid":"ec"})",
                                   R"({"alg":"ES256","\u0061lg":"ES256","kid":"ec"})"})
            CPPUNIT_ASSERT(!accepted(tokenOf(keys().ec, Algorithm::Es256, header, kPayload)));
        for (const auto* payload : {R"({"exp":1,"exp":2})", R"({"exp":1,"\u0065xp":2})", R"({"sub":"a","x":{"y":1,"y":1}})"})
            CPPUNIT_ASSERT(!parseClaims(payload).ok());
    }

    void row31RefusesOtherSerialisations() {
        const std::string token = good();
        const auto dot = token.find('.');
        const auto last = token.rfind('.');
        CPPUNIT_ASSERT(!accepted(token.substr(0, dot)));
        CPPUNIT_ASSERT(!accepted(token.substr(0, last)));
        CPPUNIT_ASSERT(!accepted(token + ".AAAA"));
        CPPUNIT_ASSERT(!accepted(token + "."));
        CPPUNIT_ASSERT(!accepted(token + ".AAAA.AAAA"));
        CPPUNIT_ASSERT(!accepted("." + token));
        CPPUNIT_ASSERT(!accepted(""));
        CPPUNIT_ASSERT(!accepted("..") && !accepted("."));
        CPPUNIT_ASSERT(!accepted(R"({"payload":"x","signatures":[]})"));
        for (const char c : {' ', '\n', '\t', '\r', '=', '+', '/', '\0'})
            for (const std::size_t at : {std::size_t{0}, dot, dot + 1, last, last + 1, token.size()}) {
                std::string changed = token;
                changed.insert(at, 1, c);
                CPPUNIT_ASSERT(!accepted(changed));
            }
        // Two bits of the last character of a 64-byte signature are not data: they must be zero.
        std::string loose = token;
        loose.back() = loose.back() == 'A' ? 'B' : static_cast<char>(loose.back() + 1);
        CPPUNIT_ASSERT(!accepted(loose));
    }

    void row32RefusesEcdsaEdgeCases() {
        const base::Bytes order = base::unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
        const auto signature = keys().ec.sign(Algorithm::Es256, base::bytesOf(segment(kHeader) + "." + segment(kPayload))).value();
        CPPUNIT_ASSERT(accepted(withSignature(signature)));
        CPPUNIT_ASSERT(!accepted(withSignature(base::Bytes(64))));
        base::Bytes overOrder = order;
        overOrder.insert(overOrder.end(), signature.begin() + 32, signature.end());
        CPPUNIT_ASSERT(!accepted(withSignature(overOrder)));
        CPPUNIT_ASSERT(!accepted(withSignature(base::BytesView(signature).first(63))));
        base::Bytes longer = signature;
        longer.push_back(0);
        CPPUNIT_ASSERT(!accepted(withSignature(longer)));
        base::Bytes der{0x30, 0x44, 0x02, 0x20};
        der.insert(der.end(), signature.begin(), signature.begin() + 32);
        der.insert(der.end(), {0x02, 0x20});
        der.insert(der.end(), signature.begin() + 32, signature.end());
        CPPUNIT_ASSERT(!accepted(withSignature(der)));
    }

    void row33RefusesEd25519EdgeCases() {
        const std::string token = tokenOf(keys().ed, Algorithm::EdDsa, R"({"alg":"EdDSA","kid":"ed"})", kPayload);
        CPPUNIT_ASSERT(accepted(token, keys().edVerifier()));
        const std::string input = token.substr(0, token.rfind('.') + 1);
        auto signature = base::unbase64url(token.substr(input.size())).value();
        CPPUNIT_ASSERT(!accepted(input + base::base64url(base::BytesView(signature).first(63)), keys().edVerifier()));
        // S + L, little-endian: the same point equation, another text.
        const base::Bytes order = base::unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").value();
        unsigned carry = 0;
        for (std::size_t i = 0; i < 32; ++i) {
            carry += unsigned{signature[32 + i]} + order[i];
            signature[32 + i] = static_cast<std::uint8_t>(carry);
            carry >>= 8U;
        }
        CPPUNIT_ASSERT(!accepted(input + base::base64url(signature), keys().edVerifier()));
        // With A of small order and R = A, S = 0 "verifies" for one message in eight: such a key is never imported.
        const auto jwk = base::json::parse(R"({"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})").value();
        CPPUNIT_ASSERT(!importPublic(jwk).ok());
    }

    void row34RefusesRsaSignaturesOfAnotherForm() {
        const std::string token = tokenOf(keys().rsa, Algorithm::Rs256, R"({"alg":"RS256","kid":"rsa"})", kPayload);
        CPPUNIT_ASSERT(accepted(token, keys().rsaVerifier()));
        const std::string input = token.substr(0, token.rfind('.') + 1);
        const auto signature = base::unbase64url(token.substr(input.size())).value();
        base::Bytes padded = signature;
        padded.insert(padded.begin(), 0);
        CPPUNIT_ASSERT(!accepted(input + base::base64url(padded), keys().rsaVerifier()));
        CPPUNIT_ASSERT(!accepted(input + base::base64url(base::BytesView(signature).subspan(1)), keys().rsaVerifier()));
        base::Bytes changed = signature;
        changed[100] ^= 4U;
        CPPUNIT_ASSERT(!accepted(input + base::base64url(changed), keys().rsaVerifier()));
    }

    void row35ChecksTimesIssuerAndAudience() {
        const ClaimExpectations expected{now(), seconds(60), "https://id.example", "https://api.example", "at+jwt"};
        auto token =
            claims(R"({"iss":"https://id.example","aud":["x","https://api.example"],"exp":1790000001,"nbf":1790000060,"iat":1790000060})");
        token.typ = "at+jwt";
        CPPUNIT_ASSERT(checkClaims(token, expected).ok());
        const auto refusedFor = [&](auto change, const std::string& claim) {
            auto changed = token;
            change(changed);
            const auto result = checkClaims(changed, expected);
            CPPUNIT_ASSERT(!result.ok());
            CPPUNIT_ASSERT(result.error().code == Errc::Unauthenticated);
            CPPUNIT_ASSERT_EQUAL(claim, result.error().detail);
        };
        refusedFor([](JwtClaims& c) { c.exp.reset(); }, "exp");
        refusedFor([](JwtClaims& c) { c.exp = now(); }, "exp");
        refusedFor([](JwtClaims& c) { c.nbf = now() + seconds(61); }, "nbf");
        refusedFor([](JwtClaims& c) { c.iat = now() + seconds(61); }, "iat");
        for (const auto* issuer : {"https://ID.example", "https://id.example/", "http://id.example", "https://id.example/tenant", ""})
            refusedFor([&](JwtClaims& c) { c.iss = issuer; }, "iss");
        for (const auto* audience : {"https://api.example/", "https://api.exampl", "https://api.example.evil", "api.example", ""})
            refusedFor([&](JwtClaims& c) { c.aud = {audience}; }, "aud");
        refusedFor([](JwtClaims& c) { c.aud.clear(); }, "aud");
        for (const auto* typ : {"", "JWT", "at", "client-authentication+jwt", "application/", "application/jwt"})
            refusedFor([&](JwtClaims& c) { c.typ = typ; }, "typ");
        for (const auto* typ : {"AT+JWT", "application/at+jwt", "Application/At+Jwt"}) {
            token.typ = typ;
            CPPUNIT_ASSERT(checkClaims(token, expected).ok());
        }
    }

    void row36ComparesNamesAsBytes() {
        CPPUNIT_ASSERT_EQUAL(std::string("a\0b", 3), claims(R"({"sub":"a\u0000b"})").sub);
        CPPUNIT_ASSERT(claims(R"({"sub":"caf\u00e9"})").sub != claims(R"({"sub":"cafe\u0301"})").sub);
        CPPUNIT_ASSERT(claims(R"({"sub":"a\u200bb"})").sub != "ab");
        CPPUNIT_ASSERT(claims(R"({"sub":"\u202eab"})").sub != "ab");
        CPPUNIT_ASSERT(claims(R"({"iss":"\u0130"})").iss != "i" && claims(R"({"iss":"\u0130"})").iss != "I");
        auto token = claims(R"({"iss":"caf\u00e9","exp":1790000001})");
        ClaimExpectations expected;
        expected.now = now();
        expected.issuer = "cafe\xCC\x81";
        CPPUNIT_ASSERT(!checkClaims(token, expected).ok());
        CPPUNIT_ASSERT(!parseClaims("{\"sub\":\"\xff\"}").ok());
        CPPUNIT_ASSERT(!parseClaims(R"({"sub":"\ud800"})").ok());
    }

    void row37RefusesEncryptedTokens() {
        const std::string header = segment(R"({"alg":"RSA1_5","enc":"A128CBC-HS256","kid":"rsa","zip":"DEF"})");
        CPPUNIT_ASSERT(!accepted(header + ".AAAA.AAAA.AAAA.AAAA", keys().rsaVerifier()));
        CPPUNIT_ASSERT(!accepted(header + ".AAAA.AAAA", keys().rsaVerifier()));
        const std::string slow = R"({"alg":"PBES2-HS512+A256KW","p2c":2147483647,"p2s":"AAAA","enc":"A256GCM","kid":"ec"})";
        CPPUNIT_ASSERT(!accepted(tokenOf(keys().ec, Algorithm::Es256, slow, kPayload)));
        CPPUNIT_ASSERT(!accepted(tokenOf(keys().ec, Algorithm::Es256, R"({"alg":"ES256","kid":"ec","enc":"A256GCM"})", kPayload)));
    }

    void refusesClaimsOfOtherTypes() {
        for (const auto* payload : {"",
                                    "[]",
                                    "null",
                                    "1",
                                    R"("x")",
                                    R"({"iss":1})",
                                    R"({"sub":null})",
                                    R"({"sub":["a"]})",
                                    R"({"scope":["a"]})",
                                    R"({"jti":7})",
                                    R"({"client_id":{}})",
                                    R"({"organization_id":false})",
                                    R"({"aud":1})",
                                    R"({"aud":[]})",
                                    R"({"aud":["a",1]})",
                                    R"({"aud":null})",
                                    R"({"exp":"1"})",
                                    R"({"exp":-1})",
                                    R"({"exp":null})",
                                    R"({"exp":1e300})",
                                    R"({"exp":253402300800})",
                                    R"({"iat":true})",
                                    R"({"nbf":[]})",
                                    R"({"exp":18446744073709551616})"})
            CPPUNIT_ASSERT_MESSAGE(payload, !parseClaims(payload).ok());
    }

    void readsEveryClaimItKnows() {
        const auto token = claims(
            R"({"iss":"i","sub":"s","client_id":"c","aud":"a","scope":"x y","iat":1,"nbf":2.9,"exp":1e3,"jti":"j","organization_id":"o","x_team":"t"})");
        CPPUNIT_ASSERT_EQUAL(std::string("i s c x y j o"), token.iss + " " + token.sub + " " + token.clientId + " " + token.scope + " " +
                                                               token.jti + " " + token.organizationId);
        CPPUNIT_ASSERT(token.aud == std::vector<std::string>{"a"});
        CPPUNIT_ASSERT(token.iat == base::Instant(seconds(1)) && token.nbf == base::Instant(seconds(2)) &&
                       token.exp == base::Instant(seconds(1000)));
        CPPUNIT_ASSERT_EQUAL(std::string("t"), token.all.textOr("x_team", ""));
        const auto jws = verifyJws(tokenOf(keys().ec, Algorithm::Es256, R"({"alg":"ES256","kid":"ec","typ":"at+jwt"})", R"({"sub":"s"})"),
                                   keys().ecVerifier());
        CPPUNIT_ASSERT_EQUAL(std::string("at+jwt"), parseClaims(*jws).value().typ);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SecurityRowsTest);

}  // namespace agentidp::jose
