#include <cppunit/extensions/HelperMacros.h>

#include "base/json.h"
#include "oauth_house.h"

namespace agentidp::oauth {

using tests::OauthHouse;

class IssuerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(IssuerTest);
    CPPUNIT_TEST(writesHeaderAndClaimsInTheirOrder);
    CPPUNIT_TEST(appendsStaticClaims);
    CPPUNIT_TEST(answersAsTheRfcSays);
    CPPUNIT_TEST(tellsTheLedgerAndNeverTheToken);
    CPPUNIT_TEST(drawsEverythingFromOneDraw);
    CPPUNIT_TEST(followsAKeyRotation);
    CPPUNIT_TEST(isNeverBornDead);
    CPPUNIT_TEST(failsWhereNoKeyMaySign);
    CPPUNIT_TEST_SUITE_END();

    OauthHouse house;

    static std::string part(const std::string& token, int index) {
        const auto bytes = base::unbase64url(base::split(token, '.').at(static_cast<std::size_t>(index)));
        return std::string(base::textOf(bytes.value()));
    }
    OauthResult<UnsignedToken> prepareWith(const RandomDraw& draw) {
        auto decision = house.token();
        const auto at = house.origin();
        return house.issuer.prepare({decision->grant, *decision->client, decision->credentialId, at}, draw);
    }

public:
    void writesHeaderAndClaimsInTheirOrder() {
        const auto issued = house.issue();
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"alg":"ES256","kid":"key-of-the-test","typ":"at+jwt"})"), part(issued.accessToken, 0));
        const auto now = std::to_string(base::epochSecondsOf(house.clock.now()));
        const auto exp = std::to_string(base::epochSecondsOf(house.clock.now()) + 3600);
        const std::string agent = OauthHouse::kAgent;
        CPPUNIT_ASSERT_EQUAL(R"({"iss":"https://idp.example","sub":")" + agent + R"(","client_id":")" + agent +
                                 R"(","aud":"https://idp.example","scope":"agents:read agents:write audit:read","iat":)" + now +
                                 R"(,"nbf":)" + now + R"(,"exp":)" + exp + R"(,"jti":")" + issued.jti.str() + R"(","organization_id":")" +
                                 OauthHouse::organizationId(1) + "\"}",
                             part(issued.accessToken, 1));
        CPPUNIT_ASSERT(house.verifier.verify(issued.accessToken, house.clock.now())->state == TokenState::Active);
    }

    void appendsStaticClaims() {
        house.clients.change(OauthHouse::kAgent, [](Client& client) { client.agent.claimsJson = R"({"x_team":"blue","x_n":1})"; });
        const auto claims = part(house.issue().accessToken, 1);
        CPPUNIT_ASSERT(claims.ends_with(R"(,"x_team":"blue","x_n":1})"));
        CPPUNIT_ASSERT(base::json::parse(claims).ok());
    }

    void answersAsTheRfcSays() {
        const auto issued = house.issue("grant_type=client_credentials&scope=agents:read", OauthHouse::kAgent, "secret-one");
        CPPUNIT_ASSERT_EQUAL(200, issued.answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("no-store"), OauthHouse::header(issued.answer, "Cache-Control"));
        CPPUNIT_ASSERT_EQUAL(std::string("application/json"), OauthHouse::header(issued.answer, "Content-Type"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"access_token":")" + issued.accessToken + R"(","token_type":"Bearer","expires_in":3600,"scope":"agents:read"})",
            issued.answer.body);
    }

    void tellsTheLedgerAndNeverTheToken() {
        auto prepared = prepareWith(RandomDraw::fresh());
        const auto event = prepared->event;
        const auto issued = *house.issuer.sign(*std::move(prepared));
        CPPUNIT_ASSERT(event.action == model::Action::TokenIssued);
        CPPUNIT_ASSERT_EQUAL(std::string(OauthHouse::kAgent), event.agentId.str());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, event.organizationNum);
        CPPUNIT_ASSERT_EQUAL(issued.jti.str(), event.jti);
        CPPUNIT_ASSERT_EQUAL(std::string("request-1"), event.requestId);
        CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.7"), event.ip);
        const auto metadata = base::json::parse(event.metadataJson).value();
        CPPUNIT_ASSERT_EQUAL(std::string("agents:read agents:write audit:read"), metadata.textOr("scope", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("key-of-the-test"), metadata.textOr("kid", ""));
        CPPUNIT_ASSERT_EQUAL(base::epochSecondsOf(house.clock.now()) + 3600, metadata.intOr("expiresAt", 0));
        CPPUNIT_ASSERT(base::isUuid(metadata.textOr("credentialId", "")));
        CPPUNIT_ASSERT(event.metadataJson.find(base::split(issued.accessToken, '.').at(2)) == std::string::npos);
    }

    void drawsEverythingFromOneDraw() {
        RandomDraw draw;
        for (std::size_t i = 0; i < draw.bytes.size(); ++i) draw.bytes[i] = static_cast<std::uint8_t>(i);
        const auto first = *prepareWith(draw);
        const auto second = *prepareWith(draw);
        CPPUNIT_ASSERT_EQUAL(std::string("AAECAwQFBgcICQoLDA0ODw"), first.jti.str());
        CPPUNIT_ASSERT_EQUAL(first.event.eventId, second.event.eventId);
        CPPUNIT_ASSERT(base::timeOfUuidV7(first.event.eventId.str()).has_value());
        CPPUNIT_ASSERT(house.issue().jti != house.issue().jti);
    }

    void followsAKeyRotation() {
        (void)house.issue();
        house.signer.kid = "next-key";
        const auto issued = house.issue();
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"alg":"ES256","kid":"next-key","typ":"at+jwt"})"), part(issued.accessToken, 0));
    }

    void isNeverBornDead() {
        const auto mark = [&](base::microseconds offset) {
            house.clients.change(OauthHouse::kAgent, [&](Client& client) { client.agent.tokensNotBefore = house.clock.now() + offset; });
            return house.verifier.verify(house.issue().accessToken, house.clock.now())->state;
        };
        CPPUNIT_ASSERT(mark(base::seconds(0)) == TokenState::Active);
        CPPUNIT_ASSERT(mark(base::seconds(1)) == TokenState::Active);
        // A mark further ahead is a wrong clock somewhere: it is waited out.
        CPPUNIT_ASSERT(mark(base::seconds(30)) == TokenState::Superseded);
    }

    void failsWhereNoKeyMaySign() {
        auto prepared = prepareWith(RandomDraw::fresh());
        house.signer.failure = base::fail(base::Errc::Unavailable, "", "audit rollback");
        const auto refused = [&](const auto& result) {
            CPPUNIT_ASSERT(!result.ok());
            CPPUNIT_ASSERT(OauthCode::TemporarilyUnavailable == result.refusal().code);
            CPPUNIT_ASSERT_EQUAL(std::string("audit rollback"), result.refusal().logDetail);
        };
        refused(prepareWith(RandomDraw::fresh()));
        refused(house.issuer.sign(*std::move(prepared)));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IssuerTest);

}  // namespace agentidp::oauth
