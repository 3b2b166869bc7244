#include <cppunit/extensions/HelperMacros.h>

#include "oauth/bearer.h"
#include "oauth_house.h"

namespace agentidp::oauth {

using tests::OauthHouse;

class TokenVerifierTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TokenVerifierTest);
    CPPUNIT_TEST(verifiesASignatureOnceAndAsksTheRestEveryTime);
    CPPUNIT_TEST(dropsTokensAtTheirEnd);
    CPPUNIT_TEST(endsTokensAtTheNotBeforeMark);
    CPPUNIT_TEST(endsTokensOfInactiveAgentsAndOrganizations);
    CPPUNIT_TEST(refusesTokensThatAreNotAccessTokensOfOurs);
    CPPUNIT_TEST(row35RefusesTokensFromTheFuture);
    CPPUNIT_TEST(failsClosedWhereNobodyCanSay);
    CPPUNIT_TEST(stopsTrustingACompromisedKeyAtOnce);
    CPPUNIT_TEST(keepsTheCacheBounded);
    CPPUNIT_TEST(bearerGivesTheCallerItsTokensScopes);
    CPPUNIT_TEST(bearerTakesAwayWhatTheAgentLost);
    CPPUNIT_TEST(bearerRefusesByTheRfc);
    CPPUNIT_TEST_SUITE_END();

    OauthHouse house;

    TokenState stateOf(const std::string& token) { return house.verifier.verify(token, house.clock.now())->state; }
    std::string payload(std::string_view issuer, std::int64_t iat, std::int64_t exp, std::string_view extra = "") const {
        const std::string agent = OauthHouse::kAgent;
        return R"({"iss":")" + std::string(issuer) + R"(","sub":")" + agent + R"(","client_id":")" + agent +
               R"(","aud":"x","scope":"a","iat":)" + std::to_string(iat) + R"(,"nbf":)" + std::to_string(iat) + R"(,"exp":)" +
               std::to_string(exp) + R"(,"jti":"j","organization_id":")" + OauthHouse::organizationId(1) + "\"" + std::string(extra) + "}";
    }
    static constexpr std::string_view kHeader = R"({"alg":"ES256","kid":"key-of-the-test","typ":"at+jwt"})";
    std::int64_t seconds() const { return base::epochSecondsOf(house.clock.now()); }

public:
    void verifiesASignatureOnceAndAsksTheRestEveryTime() {
        const auto issued = house.issue();
        for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Active);
        CPPUNIT_ASSERT_EQUAL(1, house.jws.calls);
        house.revocations.revoked.insert(issued.jti.str());
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Revoked);
        auto altered = issued.accessToken;
        altered.back() = altered.back() == 'A' ? 'Q' : 'A';
        CPPUNIT_ASSERT(stateOf(altered) == TokenState::Invalid);
    }

    void dropsTokensAtTheirEnd() {
        const auto issued = house.issue();
        house.clock.advance(base::seconds(3599));
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Active);
        house.clock.advance(base::seconds(1));
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Expired);
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Expired);
        CPPUNIT_ASSERT_EQUAL(3, house.jws.calls);
    }

    void endsTokensAtTheNotBeforeMark() {
        const auto issued = house.issue();
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Active);
        const auto setMark = [&](base::Instant at) {
            house.clients.change(OauthHouse::kAgent, [&](Client& client) { client.agent.tokensNotBefore = at; });
        };
        setMark(house.clock.now() - base::seconds(1));
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Active);
        setMark(house.clock.now());
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Superseded);
        house.clock.advance(base::seconds(1));
        CPPUNIT_ASSERT(stateOf(house.issue().accessToken) == TokenState::Active);
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Superseded);
    }

    void endsTokensOfInactiveAgentsAndOrganizations() {
        const auto issued = house.issue();
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Active);
        house.clients.change(OauthHouse::kAgent, [](Client& client) { client.agent.status = model::AgentStatus::Suspended; });
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::ClientInactive);
        house.clients.change(OauthHouse::kAgent, [](Client& client) {
            client.agent.status = model::AgentStatus::Active;
            client.organization.status = model::OrganizationStatus::Suspended;
        });
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::ClientInactive);
        house.clients.change(OauthHouse::kAgent, [](Client& client) {
            client.organization.status = model::OrganizationStatus::Active;
            client.organization.id = model::OrganizationId("elsewhere");
        });
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::ClientInactive);
        house.clients.clients.erase(OauthHouse::kAgent);
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::ClientInactive);
    }

    void refusesTokensThatAreNotAccessTokensOfOurs() {
        const auto now = seconds();
        CPPUNIT_ASSERT(stateOf(house.forge(kHeader, payload(OauthHouse::kIssuer, now, now + 60))) == TokenState::Active);
        for (const auto* header :
             {R"({"alg":"ES256","kid":"key-of-the-test"})", R"({"alg":"ES256","kid":"key-of-the-test","typ":"JWT"})",
              R"({"alg":"ES256","kid":"key-of-the-test","typ":"AT+JWT"})", R"({"alg":"ES256","kid":"other","typ":"at+jwt"})"})
            CPPUNIT_ASSERT(stateOf(house.forge(header, payload(OauthHouse::kIssuer, now, now + 60))) == TokenState::Invalid);
        for (const auto* issuer : {"https://IDP.example", "https://idp.example/", "", "https://idp.example.evil"})
            CPPUNIT_ASSERT(stateOf(house.forge(kHeader, payload(issuer, now, now + 60))) == TokenState::Invalid);
        for (const auto* claims : {"{}", "[]", "x", R"({"iss":"https://idp.example"})"})
            CPPUNIT_ASSERT(stateOf(house.forge(kHeader, claims)) == TokenState::Invalid);
        CPPUNIT_ASSERT(stateOf(house.forge(kHeader, payload(OauthHouse::kIssuer, now, now + 60, R"(,"exp":9999999999)"))) ==
                       TokenState::Invalid);
        for (const std::string& token : {std::string(), std::string("a.b.c"), std::string(20000, 'a')})
            CPPUNIT_ASSERT(stateOf(token) == TokenState::Invalid);
    }

    void row35RefusesTokensFromTheFuture() {
        const auto now = seconds();
        CPPUNIT_ASSERT(stateOf(house.forge(kHeader, payload(OauthHouse::kIssuer, now + 60, now + 600))) == TokenState::Active);
        CPPUNIT_ASSERT(stateOf(house.forge(kHeader, payload(OauthHouse::kIssuer, now + 61, now + 600))) == TokenState::NotYet);
        CPPUNIT_ASSERT(stateOf(house.forge(kHeader, payload(OauthHouse::kIssuer, now - 10, now))) == TokenState::Expired);
    }

    void failsClosedWhereNobodyCanSay() {
        const auto issued = house.issue();
        house.revocations.failure = base::fail(base::Errc::Unavailable, "", "stale");
        CPPUNIT_ASSERT(!house.verifier.verify(issued.accessToken, house.clock.now()).ok());
        house.revocations.failure.reset();
        house.clients.failure = base::fail(base::Errc::Unavailable, "", "down");
        CPPUNIT_ASSERT(!house.verifier.verify(issued.accessToken, house.clock.now()).ok());
        BearerAuth bearer(house.verifier);
        const auto refused = bearer.authenticate("Bearer " + issued.accessToken, house.clock.now());
        CPPUNIT_ASSERT(!refused.ok());
        CPPUNIT_ASSERT(refused.refusal().problem.code == model::ProblemCode::Unavailable);
        OauthHouse fresh;
        const auto token = fresh.issue().accessToken;
        fresh.jws.failure = base::fail(base::Errc::Unavailable, "", "no keys read yet");
        CPPUNIT_ASSERT(!fresh.verifier.verify(token, fresh.clock.now()).ok());
    }

    void stopsTrustingACompromisedKeyAtOnce() {
        const auto issued = house.issue();
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Active);
        house.jws.distrusted.insert(house.signer.kid);
        CPPUNIT_ASSERT(stateOf(issued.accessToken) == TokenState::Invalid);
    }

    void keepsTheCacheBounded() {
        TokenCache cache(32);
        for (int i = 0; i < 1000; ++i) {
            auto claims = std::make_shared<AccessClaims>();
            claims->expiresAt = 100;
            cache.put(crypto::sha256(base::bytesOf(std::to_string(i))), std::move(claims));
        }
        CPPUNIT_ASSERT(cache.size() <= 32);
        CPPUNIT_ASSERT(cache.size() >= 16);
        const auto last = crypto::sha256(base::bytesOf("999"));
        CPPUNIT_ASSERT(cache.find(last, 99) != nullptr);
        const auto before = cache.size();
        CPPUNIT_ASSERT(cache.find(last, 100) == nullptr);
        CPPUNIT_ASSERT_EQUAL(before - 1, cache.size());
    }

    void bearerGivesTheCallerItsTokensScopes() {
        BearerAuth bearer(house.verifier);
        const auto issued = house.issue("grant_type=client_credentials&scope=agents:read", OauthHouse::kAgent, "secret-one");
        const auto caller = bearer.authenticate("bearer " + issued.accessToken, house.clock.now());
        CPPUNIT_ASSERT(caller.ok());
        CPPUNIT_ASSERT_EQUAL(std::string(OauthHouse::kAgent), caller->agentId.str());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, caller->organizationNum);
        CPPUNIT_ASSERT(caller->holds("agents:read"));
        CPPUNIT_ASSERT(!caller->holds("agents:write"));
    }

    void bearerTakesAwayWhatTheAgentLost() {
        BearerAuth bearer(house.verifier);
        const auto issued = house.issue();
        house.clients.change(OauthHouse::kAgent, [](Client& client) { client.agent.scopes = {"agents:read"}; });
        const auto caller = bearer.authenticate("Bearer " + issued.accessToken, house.clock.now());
        CPPUNIT_ASSERT_EQUAL(std::string("agents:read"), model::joined(caller->scopes));
    }

    void bearerRefusesByTheRfc() {
        BearerAuth bearer(house.verifier);
        const auto refusal = [&](std::optional<std::string_view> authorization) {
            const auto result = bearer.authenticate(authorization, house.clock.now());
            CPPUNIT_ASSERT(!result.ok());
            return result.refusal();
        };
        const auto challenge = [](const BearerRefusal& refused) { return refused.problem.headers.at(0).second; };
        CPPUNIT_ASSERT_EQUAL(std::string("Bearer realm=\"agentidp\""), challenge(refusal(std::nullopt)));
        CPPUNIT_ASSERT_EQUAL(std::string("no_token"), refusal("Basic abc").reason);
        const std::string expected = "Bearer realm=\"agentidp\", error=\"invalid_token\"";
        for (const auto* authorization : {"Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer \xC3\xA9", "Bearer abc"})
            CPPUNIT_ASSERT_EQUAL(expected, challenge(refusal(authorization)));
        const auto issued = house.issue();
        house.revocations.revoked.insert(issued.jti.str());
        const auto revoked = refusal("Bearer " + issued.accessToken);
        CPPUNIT_ASSERT_EQUAL(std::string("revoked"), revoked.reason);
        CPPUNIT_ASSERT_EQUAL(std::string(OauthHouse::kAgent), revoked.claimedClient);
        CPPUNIT_ASSERT_EQUAL(401, model::statusOf(revoked.problem.code));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TokenVerifierTest);

}  // namespace agentidp::oauth
