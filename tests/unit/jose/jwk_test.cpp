/// JWKs and JWK sets: RFC 7638 and RFC 8037 examples, exact form, no private member ever in public.
#include <cppunit/extensions/HelperMacros.h>

#include "jose/jwk.h"
#include "token_maker.h"

namespace agentidp::jose {

using base::Errc;
using base::json::Value;
using crypto::Algorithm;
using tests::TokenKeys;

class JwkTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(JwkTest);
    CPPUNIT_TEST(thumbprintsAsPublished);
    CPPUNIT_TEST(exportsAndImportsEveryType);
    CPPUNIT_TEST(writesMembersInTheContractsOrder);
    CPPUNIT_TEST(neverShowsAPrivateMember);
    CPPUNIT_TEST(namesAKeyByThumbprintUnlessItNamesItself);
    CPPUNIT_TEST(takesTheAlgorithmFromTheKeyOrTheCaller);
    CPPUNIT_TEST(refusesKeysForOtherPurposes);
    CPPUNIT_TEST(refusesMembersOutOfForm);
    CPPUNIT_TEST(refusesPublicKeysWithPrivateMembers);
    CPPUNIT_TEST(saysThatAPrivateKeyIsPublicOnly);
    CPPUNIT_TEST(refusesAmbiguousSets);
    CPPUNIT_TEST_SUITE_END();

    static const TokenKeys& keys() { return TokenKeys::shared(); }
    static Value parsed(std::string_view text) { return base::json::parse(text).value(); }
    static Value with(const Value& jwk, std::string_view name, Value value) {
        base::json::Object members = *jwk.asObject();
        for (auto& [known, old] : members)
            if (known == name) {
                old = std::move(value);
                return members;
            }
        members.emplace_back(std::string(name), std::move(value));
        return members;
    }
    static Value without(const Value& jwk, std::string_view name) {
        base::json::Object members;
        for (const auto& member : *jwk.asObject())
            if (member.first != name) members.push_back(member);
        return members;
    }
    static Value ecJwk() { return exportPublic(keys().ecVerifier()); }

public:
    void thumbprintsAsPublished() {
        // RFC 7638 section 3.1 and RFC 8037 appendix A.3.
        const auto rsa = importPublic(parsed(
            R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"})"));
        CPPUNIT_ASSERT(rsa.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"), thumbprint(rsa->key));
        CPPUNIT_ASSERT_EQUAL(std::string("2011-04-29"), rsa->kid.str());
        const auto ed = importPublic(parsed(R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"));
        CPPUNIT_ASSERT(ed.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"), ed->kid.str());
    }

    void exportsAndImportsEveryType() {
        for (const auto& [verifier, key] : {std::pair{keys().ecVerifier(), keys().ec}, std::pair{keys().rsaVerifier(), keys().rsa},
                                            std::pair{keys().edVerifier(), keys().ed}}) {
            const auto again = importPublic(exportPublic(verifier)).value();
            CPPUNIT_ASSERT(again.key == verifier.key && again.kid == verifier.kid && again.alg == verifier.alg);
            const auto secret = exportPrivate({verifier.kid, true, verifier.alg, key}).value();
            const auto imported = importPrivateText(secret.text()).value();
            CPPUNIT_ASSERT(imported.key.publicKey() == verifier.key && imported.kid == verifier.kid && imported.namesItself);
        }
    }

    void writesMembersInTheContractsOrder() {
        const auto names = [](const VerificationKey& key) {
            std::string out;
            const auto jwk = exportPublic(key);
            for (const auto& [name, value] : *jwk.asObject()) out += name + " ";
            return out;
        };
        CPPUNIT_ASSERT_EQUAL(std::string("kty n e kid alg use "), names(keys().rsaVerifier()));
        CPPUNIT_ASSERT_EQUAL(std::string("kty x y crv kid alg use "), names(keys().ecVerifier()));
        CPPUNIT_ASSERT_EQUAL(std::string("kty x crv kid alg use "), names(keys().edVerifier()));
        CPPUNIT_ASSERT(writeJwks({}).find(R"({"keys":[]})") == 0);
    }

    void neverShowsAPrivateMember() {
        const std::string text = writeJwks({keys().ecVerifier(), keys().rsaVerifier(), keys().edVerifier()});
        for (const auto* name : {"\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\"", "\"k\""})
            CPPUNIT_ASSERT(text.find(name) == std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, parseJwks(text).value().size());
    }

    void namesAKeyByThumbprintUnlessItNamesItself() {
        const auto secret = exportPrivate({model::KeyId("mine"), true, Algorithm::Es256, keys().ec}).value();
        const auto jwk = without(parsed(secret.text()), "kid");
        const auto imported = importPrivate(jwk).value();
        CPPUNIT_ASSERT(!imported.namesItself);
        CPPUNIT_ASSERT_EQUAL(thumbprint(keys().ec.publicKey()), imported.kid.str());
    }

    void takesTheAlgorithmFromTheKeyOrTheCaller() {
        const auto rsa = without(exportPublic(keys().rsaVerifier()), "alg");
        CPPUNIT_ASSERT(!importPublic(rsa).ok());
        CPPUNIT_ASSERT(importPublic(rsa, Algorithm::Ps256).value().alg == Algorithm::Ps256);
        CPPUNIT_ASSERT(!importPublic(rsa, Algorithm::Es256).ok());
        CPPUNIT_ASSERT(importPublic(without(ecJwk(), "alg")).value().alg == Algorithm::Es256);
        CPPUNIT_ASSERT(importPublic(exportPublic(keys().rsaVerifier()), Algorithm::Ps256).value().alg == Algorithm::Rs256);
        for (const auto* alg : {"none", "HS256", "RS256", "ES384", "es256", ""})
            CPPUNIT_ASSERT(!importPublic(with(ecJwk(), "alg", alg)).ok());
        CPPUNIT_ASSERT(!importPublic(with(ecJwk(), "alg", Value())).ok());
    }

    void refusesKeysForOtherPurposes() {
        CPPUNIT_ASSERT(importPublic(with(ecJwk(), "key_ops", base::json::Array{"verify"})).ok());
        CPPUNIT_ASSERT(!importPublic(with(ecJwk(), "key_ops", base::json::Array{"sign"})).ok());
        CPPUNIT_ASSERT(!importPublic(with(ecJwk(), "key_ops", base::json::Array{})).ok());
        CPPUNIT_ASSERT(!importPublic(with(ecJwk(), "key_ops", "verify")).ok());
        CPPUNIT_ASSERT(!importPublic(with(ecJwk(), "use", "enc")).ok());
        CPPUNIT_ASSERT(!importPublic(with(ecJwk(), "use", Value())).ok());
        CPPUNIT_ASSERT(importPublic(without(ecJwk(), "use")).ok());
    }

    void refusesMembersOutOfForm() {
        const auto jwk = ecJwk();
        const auto x = jwk.textOr("x", "");
        for (const auto& bad :
             {Value(), Value(1), Value(""), Value(x + "="), Value(" " + x), Value(x.substr(1)), Value("AA" + x), Value(x + "\n")})
            CPPUNIT_ASSERT(!importPublic(with(jwk, "x", bad)).ok());
        for (const auto* missing : {"kty", "crv", "x", "y"}) CPPUNIT_ASSERT(!importPublic(without(jwk, missing)).ok());
        for (const auto* kty : {"ec", "oct", "OKP", "RSA", ""}) CPPUNIT_ASSERT(!importPublic(with(jwk, "kty", kty)).ok());
        for (const auto* crv : {"P-384", "p-256", "secp256k1", "X25519"}) CPPUNIT_ASSERT(!importPublic(with(jwk, "crv", crv)).ok());
        CPPUNIT_ASSERT(!importPublic(with(jwk, "kid", 7)).ok());
        CPPUNIT_ASSERT(!importPublic(with(jwk, "kid", "")).ok());
        CPPUNIT_ASSERT(!importPublic(with(jwk, "kid", std::string(257, 'k'))).ok());
        CPPUNIT_ASSERT(!importPublic(Value(base::json::Array{})).ok());
        const auto rsa = exportPublic(keys().rsaVerifier());
        for (const auto* exponent : {"AQ", "Aw", "AQAA", "AAEAAQ", ""}) CPPUNIT_ASSERT(!importPublic(with(rsa, "e", exponent)).ok());
        CPPUNIT_ASSERT(!importPublic(with(rsa, "n", "AA" + rsa.textOr("n", ""))).ok());
    }

    void refusesPublicKeysWithPrivateMembers() {
        const auto secret = exportPrivate({model::KeyId("mine"), true, Algorithm::Es256, keys().ec}).value();
        CPPUNIT_ASSERT(!importPublic(parsed(secret.text())).ok());
        CPPUNIT_ASSERT(importPrivate(parsed(secret.text())).ok());
    }

    void saysThatAPrivateKeyIsPublicOnly() {
        const auto result = importPrivate(ecJwk());
        CPPUNIT_ASSERT(!result.ok());
        CPPUNIT_ASSERT(result.error().hint.find("public only") != std::string::npos);
        CPPUNIT_ASSERT(!importPrivateText("not json").ok());
        CPPUNIT_ASSERT(!importPrivateText(R"({"kty":"EC","kty":"EC"})").ok());
    }

    void refusesAmbiguousSets() {
        const auto ec = base::json::write(ecJwk());
        CPPUNIT_ASSERT(parseJwks("{\"keys\":[" + ec + "]}").ok());
        CPPUNIT_ASSERT(!parseJwks("{\"keys\":[" + ec + "," + ec + "]}").ok());
        for (const auto* bad : {"", "{}", "[]", R"({"keys":[]})", R"({"keys":{}})", R"({"keys":[1]})"})
            CPPUNIT_ASSERT(!parseJwks(bad).ok());
        CPPUNIT_ASSERT(!parseJwks("{\"keys\":[" + ec + R"(,{"kty":"oct","k":"AAAA"}]})").ok());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JwkTest);

}  // namespace agentidp::jose
