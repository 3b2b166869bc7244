/// `keys generate` and the two forms of `keys list`.
#include <cppunit/extensions/HelperMacros.h>

#include <sstream>

#include "cli/keys/generate.h"
#include "cli/keys/listing.h"
#include "cli/keys/outcome.h"
#include "jose/jws.h"

namespace agentidp::cli {

using base::seconds;
using model::KeyState;

class KeysCliTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KeysCliTest);
    CPPUNIT_TEST(generatesAPairThatFits);
    CPPUNIT_TEST(namesTheKeyAsAsked);
    CPPUNIT_TEST(showsThePrivateKeyOnce);
    CPPUNIT_TEST(tellsMisuse);
    CPPUNIT_TEST(tellsAnOutputThatIsClosed);
    CPPUNIT_TEST(listsTheSigningKeyFirst);
    CPPUNIT_TEST(saysWhetherPreviousCanGo);
    CPPUNIT_TEST(writesTheListAsJson);
    CPPUNIT_TEST(saysWhatARotationCosts);
    CPPUNIT_TEST_SUITE_END();

    std::ostringstream out_, err_;

    int run(const std::vector<std::string>& arguments) {
        out_.str("");
        err_.str("");
        return runKeysGenerate(arguments, out_, err_);
    }

    static base::Instant at(std::int64_t second) { return base::Instant(seconds(1'790'000'000 + second)); }
    static model::SigningKey key(const char* kid, KeyState state) {
        model::SigningKey key;
        key.kid = model::KeyId(kid);
        key.alg = "ES256";
        key.plugin = "file";
        key.state = state;
        key.publicJwk = R"({"kty":"EC"})";
        key.createdAt = at(0);
        if (state == KeyState::Published) key.activatesAt = at(3600);
        if (state == KeyState::Retiring) key.retiringAt = at(10);
        return key;
    }
    static KeyListing listing() {
        KeyListing out;
        out.keys = {key("gone", KeyState::Gone), key("old", KeyState::Retiring), key("next", KeyState::Published),
                    key("now", KeyState::Active)};
        out.keys.front().compromised = true;
        out.plugin = "file";
        return out;
    }

public:
    void generatesAPairThatFits() {
        for (const auto* alg : {"ES256", "RS256", "PS256", "EdDSA"}) {
            CPPUNIT_ASSERT_EQUAL(0, run({"--jwk", "--json", "--alg", alg}));
            const auto document = base::json::parse(out_.str()).value();
            const auto priv = jose::importPrivate(*document.find("privateJwk")).value();
            const auto pub = jose::parseJwks(base::json::write(*document.find("jwks"))).value();
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, pub.size());
            CPPUNIT_ASSERT_EQUAL(std::string(alg), std::string(crypto::nameOf(priv.alg)));
            CPPUNIT_ASSERT(priv.key.publicKey() == pub.front().key && priv.kid == pub.front().kid);
            CPPUNIT_ASSERT_EQUAL(jose::thumbprint(pub.front().key), priv.kid.str());
        }
    }

    void namesTheKeyAsAsked() {
        CPPUNIT_ASSERT_EQUAL(0, run({"--kid", "key-1", "--jwk"}));
        CPPUNIT_ASSERT(out_.str().find("\"kid\":\"key-1\"") != std::string::npos);
        CPPUNIT_ASSERT(out_.str().find("Public JWKS:\n{\"keys\":[{\"kty\":\"EC\"") != std::string::npos);
    }

    void showsThePrivateKeyOnce() {
        CPPUNIT_ASSERT_EQUAL(0, run({"--jwk"}));
        const std::string text = out_.str();
        const auto first = text.find("\"d\":");
        CPPUNIT_ASSERT(first != std::string::npos);
        CPPUNIT_ASSERT(text.find("\"d\":", first + 1) == std::string::npos);
        CPPUNIT_ASSERT(err_.str().empty());
    }

    void tellsMisuse() {
        for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                           {"--json"},
                                                                           {"--jwk", "--alg"},
                                                                           {"--jwk", "--alg", "none"},
                                                                           {"--jwk", "--alg", "es256"},
                                                                           {"--jwk", "--kid", ""},
                                                                           {"--jkw"}}) {
            CPPUNIT_ASSERT_EQUAL(2, run(arguments));
            CPPUNIT_ASSERT(out_.str().empty());
            CPPUNIT_ASSERT_EQUAL('\n', err_.str().back());
        }
        CPPUNIT_ASSERT(err_.str().find("did you mean --jwk?") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(0, run({"--help"}));
        CPPUNIT_ASSERT(out_.str().find("Examples") != std::string::npos);
    }

    void tellsAnOutputThatIsClosed() {
        out_.setstate(std::ios::badbit);
        CPPUNIT_ASSERT_EQUAL(1, runKeysGenerate({"--jwk"}, out_, err_));
        CPPUNIT_ASSERT(!err_.str().empty());
    }

    void listsTheSigningKeyFirst() {
        CPPUNIT_ASSERT_EQUAL(std::string("STATE      ALG    KID   PLUGIN  SINCE                 NEXT\n"
                                         "active     ES256  now   file    -                     signs now\n"
                                         "published  ES256  next  file    -                     signs from 2026-09-21T15:13:20Z\n"
                                         "retiring   ES256  old   file    2026-09-21T14:13:30Z  leaves the JWKS 2026-09-22T14:13:30Z\n"
                                         "gone       ES256  gone  file    -                     compromised: never trusted again\n"),
                             renderText(listing()));
        CPPUNIT_ASSERT(renderText({}).find("no signing keys yet") != std::string::npos);
    }

    void saysWhetherPreviousCanGo() {
        auto some = listing();
        some.previous = "vault";
        CPPUNIT_ASSERT(renderText(some).find("keys.previous = vault can be removed") != std::string::npos);
        some.previousNeeded = true;
        CPPUNIT_ASSERT(renderText(some).find("keys.previous = vault is still needed") != std::string::npos);
        CPPUNIT_ASSERT(renderText(some).find("until the new key signs, 20") != std::string::npos);
    }

    void writesTheListAsJson() {
        auto some = listing();
        some.previous = "vault";
        const auto document = base::json::parse(renderJson(some)).value();
        const auto& keys = *document.find("keys")->asArray();
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, keys.size());
        CPPUNIT_ASSERT_EQUAL(std::string("now"), keys[0].textOr("kid", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("2026-09-22T14:13:30.000000Z"), keys[2].textOr("leavesAt", ""));
        CPPUNIT_ASSERT(*keys[3].find("compromised")->asBool());
        CPPUNIT_ASSERT_EQUAL(std::string("EC"), keys[0].find("jwk")->textOr("kty", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("vault"), document.textOr("previous", ""));
        CPPUNIT_ASSERT(!*document.find("previousNeeded")->asBool());
    }

    void saysWhatARotationCosts() {
        const auto has = [](const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; };
        const base::json::Value waiting{
            base::json::Object{{"kid", "k"}, {"alg", "ES256"}, {"state", "published"}, {"activatesAt", "2026-11-22T06:16:17Z"}}};
        CPPUNIT_ASSERT(has(tellRotation(waiting, seconds(60)), "key k (ES256) is in the JWKS. It signs from 2026-11-22T06:16:17Z"));
        const base::json::Value active{base::json::Object{{"kid", "k"}, {"alg", "ES256"}, {"state", "active"}}};
        CPPUNIT_ASSERT(has(tellRotation(active, seconds(60)), "What that costs"));
        CPPUNIT_ASSERT(has(tellRotation(active, seconds(60)), "for up to 60 s"));
        CPPUNIT_ASSERT(!has(tellRetirement("k", keys::Compromise::No, seconds(60)), "costs"));
        CPPUNIT_ASSERT(has(tellRetirement("k", keys::Compromise::Yes, seconds(60)), "accept what it signed for up to 60 s more"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KeysCliTest);

}  // namespace agentidp::cli
