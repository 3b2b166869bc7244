/// Pinned keys as variables carry them: what is taken, what is refused, and which name a refusal begins with.
#include "keys/pinned.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/text.h"
#include "jose/jwk.h"

namespace agentidp::keys {

using base::Errc;
using crypto::Algorithm;

class PinnedTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PinnedTest);
    CPPUNIT_TEST(readsPemWithLineEndsOfEitherKind);
    CPPUNIT_TEST(readsAPrivateJwk);
    CPPUNIT_TEST(refusesAnotherTypeAndNamesBothVariables);
    CPPUNIT_TEST(refusesWhatIsNoPrivateKey);
    CPPUNIT_TEST(refusesAShortKey);
    CPPUNIT_TEST(checksThePublicHalf);
    CPPUNIT_TEST_SUITE_END();

    // 1024 bits, made for this test and used nowhere.
    static constexpr const char* kShort =
        "-----BEGIN RSA PRIVATE KEY-----\\n"
        "MIICWwIBAAKBgQDGYqxw/9IkAb8kKvyKwZoG+rBo3r+3X7/l9fQQYK4v6LH47Nuf\\n"
        "NfkovB8gm2wF8CVbyRmmpD1BaQRhNVlR2LDxLwBQgcz/CCRhltWdJvTn+ICF5Gnr\\n"
        "3hUjIkX5kgL9Rcxxc+AZ3hdJIDgj3SDY/U+P2Y5NfAtHan0mKcn4ko6oRwIDAQAB\\n"
        "AoGAcqssU3B7DZb43bX/HVEEb85NU4CVPjAZIpnExgasCEMvQ9vcoi03ZIVAVL+h\\n"
        "c9k4LtKRghHi2kESaAHHLBjdRLbHMMahEr0I7SY4GK9oIdEMYuKZ28+PenLrdbOl\\n"
        "IoTNnryvh4BN11R3kPrMevW7KaRy0es4hFqPgnGxdJtXLqECQQDjIqwBGHNngFk9\\n"
        "ckEdyxfP4uzLbCo1rJrydEngGe38+hwNhtLwVc94hgSaeutS2k9eUD4+xuV/OzR1\\n"
        "F4A+9r43AkEA35iv2cUgiFyLkYFDq3b+qoDLvgDQqGSSXJWw+LVW7umEQ7ZQMfEU\\n"
        "wYaM2/UIT61JZ5SLxovZ7VcJLom0JlfecQJAClzUmCAzc69pYuJJkkBnz7Y8s3M1\\n"
        "4ckEMLeZfz3vm7EVgpB6IzjnBEqo/xtIjTkkkdr7XAXbBpj+5bCyyyyatQJAV6zl\\n"
        "d3zmrtGrIJkRUdDNN0pdmdlz+DPHeGpyBHQG7JPAe1SnyY2A2AnMfgttAOEwIV+M\\n"
        "F4SLJZe1T/xLGaXm4QJAJmzrO/OQxvmyF0Z/0Ax6gE4V5RQI77QnOzHGeNjm+/Q8\\n"
        "7bio/kMHc9QUe7vBGbqfl8xmkx9KiJRS5GechKQBpg==\\n"
        "-----END RSA PRIVATE KEY-----\\n";

    static std::string pemOf(const crypto::PrivateKey& key, const std::string& lineEnd = "\n") {
        const auto der = key.toPkcs8().value();
        return "-----BEGIN PRIVATE KEY-----" + lineEnd + base::base64(der.view()) + lineEnd + "-----END PRIVATE KEY-----" + lineEnd;
    }
    static std::string jwkOf(const crypto::PrivateKey& key, Algorithm alg, const std::string& kid) {
        const auto secret = jose::exportPrivate({model::KeyId(kid), true, alg, key}).value();
        return std::string(secret.text());
    }
    static std::string without(std::string json, const std::string& member) {
        const auto from = json.find("\"" + member + "\":");
        auto to = json.find("\",", from) + 2;
        return json.erase(from, to - from);
    }
    static PinText pem(std::string_view text, Algorithm alg = Algorithm::Rs256) {
        return {text, "JWT_PRIVATE_KEY", alg, "token.alg", {}, "JWT_PUBLIC_KEY"};
    }
    static PinText jwk(std::string_view text, Algorithm alg) {
        return {text, "MACP_AUTH_SIGNING_KEY_JSON", alg, "MACP_AUTH_SIGNING_ALG", {}, ""};
    }
    static std::string refusal(const PinText& given) {
        const auto read = readPinned(given);
        CPPUNIT_ASSERT(!read.ok() && read.error().code == Errc::Invalid);
        return read.error().hint;
    }
    static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

public:
    void readsPemWithLineEndsOfEitherKind() {
        const auto key = crypto::PrivateKey::generate(Algorithm::Rs256).value();
        for (const auto* lineEnd : {"\n", "\r\n", "\\n", "\\r\\n"}) {
            const auto text = pemOf(key, lineEnd);
            const auto read = readPinned(pem(text));
            CPPUNIT_ASSERT_MESSAGE(read ? "" : read.error().hint, read.ok());
            CPPUNIT_ASSERT(read->key.publicKey() == key.publicKey() && read->kid.empty() && read->alg == Algorithm::Rs256);
            CPPUNIT_ASSERT_EQUAL(jose::thumbprint(key.publicKey()), read->fingerprint);
        }
        const auto text = pemOf(key);
        CPPUNIT_ASSERT(readPinned(pem(text, Algorithm::Ps256))->alg == Algorithm::Ps256);
    }

    void readsAPrivateJwk() {
        const auto ec = crypto::PrivateKey::generate(Algorithm::Es256).value();
        const auto named = " \n" + jwkOf(ec, Algorithm::Es256, "main");
        CPPUNIT_ASSERT_EQUAL(std::string("main"), readPinned(jwk(named, Algorithm::Es256))->kid);
        const auto unnamed = without(jwkOf(ec, Algorithm::Es256, "main"), "kid");
        CPPUNIT_ASSERT(readPinned(jwk(unnamed, Algorithm::Es256))->kid.empty());
        const auto rsa = crypto::PrivateKey::generate(Algorithm::Rs256).value();
        const auto bare = without(jwkOf(rsa, Algorithm::Rs256, "r"), "alg");
        CPPUNIT_ASSERT(readPinned(jwk(bare, Algorithm::Rs256))->alg == Algorithm::Rs256);
    }

    void refusesAnotherTypeAndNamesBothVariables() {
        const auto ec = crypto::PrivateKey::generate(Algorithm::Es256).value();
        const auto rsa = crypto::PrivateKey::generate(Algorithm::Rs256).value();
        const auto ecJwk = jwkOf(ec, Algorithm::Es256, "e");
        const auto rsaJwk = jwkOf(rsa, Algorithm::Rs256, "r");
        CPPUNIT_ASSERT_EQUAL(
            std::string("MACP_AUTH_SIGNING_KEY_JSON: holds an EC P-256 key for ES256, and MACP_AUTH_SIGNING_ALG says RS256"),
            refusal(jwk(ecJwk, Algorithm::Rs256)));
        CPPUNIT_ASSERT(has(refusal(jwk(rsaJwk, Algorithm::Es256)), "holds an RSA key for RS256, and MACP_AUTH_SIGNING_ALG says ES256"));
        CPPUNIT_ASSERT(has(refusal(jwk(rsaJwk, Algorithm::Ps256)), "for RS256, and MACP_AUTH_SIGNING_ALG says PS256"));
        const auto text = pemOf(ec);
        CPPUNIT_ASSERT(has(refusal(pem(text)), "JWT_PRIVATE_KEY: holds an EC P-256 key for ES256, and token.alg says RS256"));
    }

    void refusesWhatIsNoPrivateKey() {
        const auto ec = crypto::PrivateKey::generate(Algorithm::Es256).value();
        const auto half = without(jwkOf(ec, Algorithm::Es256, "e"), "d");
        CPPUNIT_ASSERT(has(refusal(jwk(half, Algorithm::Es256)), "MACP_AUTH_SIGNING_KEY_JSON: the JWK is public only"));
        for (const auto* text : {"{", "{}", "[]", "hunter2", "{\"kty\":\"oct\",\"k\":\"aHVudGVyMg\"}", "-----BEGIN PRIVATE KEY-----"}) {
            const auto why = refusal(jwk(text, Algorithm::Es256));
            CPPUNIT_ASSERT(why.starts_with("MACP_AUTH_SIGNING_KEY_JSON: ") && !has(why, "hunter2"));
        }
        const auto pub = ec.publicKey().toPem();
        CPPUNIT_ASSERT(has(refusal(pem(pub, Algorithm::Es256)), "JWT_PRIVATE_KEY: holds a public key only"));
    }

    void refusesAShortKey() { CPPUNIT_ASSERT(has(refusal(pem(kShort)), "JWT_PRIVATE_KEY: an RSA modulus has 2048 to 8192 bits")); }

    void checksThePublicHalf() {
        const auto key = crypto::PrivateKey::generate(Algorithm::Es256).value();
        const auto other = crypto::PrivateKey::generate(Algorithm::Es256).value().publicKey().toPem();
        const auto text = pemOf(key);
        const auto half = key.publicKey().toPem();
        auto given = pem(text, Algorithm::Es256);
        given.publicText = half;
        CPPUNIT_ASSERT(readPinned(given).ok());
        given.publicText = other;
        CPPUNIT_ASSERT_EQUAL(std::string("JWT_PUBLIC_KEY: is not the public half of JWT_PRIVATE_KEY"), refusal(given));
        given.publicText = "hunter2";
        CPPUNIT_ASSERT(refusal(given).starts_with("JWT_PUBLIC_KEY: "));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PinnedTest);

}  // namespace agentidp::keys
