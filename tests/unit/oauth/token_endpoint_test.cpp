/// Part A of the security cases, as far as client_credentials with a secret reaches; each test carries its row number.
/// Row 1 (methods) is decided by the table of routes, before this room.
#include <cppunit/extensions/HelperMacros.h>

#include "base/json.h"
#include "oauth_house.h"

namespace agentidp::oauth {

using tests::OauthHouse;

class TokenEndpointTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TokenEndpointTest);
    CPPUNIT_TEST(grantsEverythingTheAgentMayAskForWhereScopeIsOmitted);
    CPPUNIT_TEST(row02RefusesOtherMediaTypes);
    CPPUNIT_TEST(row03RefusesDuplicateParameter);
    CPPUNIT_TEST(row04TreatsEmptyAsAbsentAndIgnoresUnknown);
    CPPUNIT_TEST(row05RefusesTwoMethodsAtOnce);
    CPPUNIT_TEST(row06RefusesSecretsInTheQuery);
    CPPUNIT_TEST(row07AnswersWrongSecretWithChallenge);
    CPPUNIT_TEST(row08RefusesMalformedBasic);
    CPPUNIT_TEST(row08AcceptsFormEncodedBasic);
    CPPUNIT_TEST(row14RefusesUnknownGrants);
    CPPUNIT_TEST(row15RefusesScopesThatAreMalformedOrNotGranted);
    CPPUNIT_TEST(row16RefusesResourcesThatAreNotServedHere);
    CPPUNIT_TEST(row17RefusesSuspendedAgentAndOrganizationLikeAWrongSecret);
    CPPUNIT_TEST(limitsSizes);
    CPPUNIT_TEST(narrowsToTheScopesAskedFor);
    CPPUNIT_TEST(clampsTheLifetime);
    CPPUNIT_TEST(letsTheHundredthRequestPassAndNotTheNext);
    CPPUNIT_TEST(chargesNoBudgetBeforeTheClientIsProven);
    CPPUNIT_TEST(reportsOrEnforcesTheQuota);
    CPPUNIT_TEST(failsClosedWhereAPortFails);
    CPPUNIT_TEST_SUITE_END();

    OauthHouse house;
    static constexpr std::string_view kGrant = "grant_type=client_credentials";

    static void assertRefused(const OauthResult<TokenDecision>& result, OauthCode code) {
        CPPUNIT_ASSERT(!result.ok());
        CPPUNIT_ASSERT_EQUAL(std::string(errorOf(code)), std::string(errorOf(result.refusal().code)));
        CPPUNIT_ASSERT(code == result.refusal().code);
    }
    OauthCode codeFor(const RawRequest& request) const {
        const auto parsed = parseTokenRequest(request);
        CPPUNIT_ASSERT(!parsed.ok());
        return parsed.refusal().code;
    }

public:
    void grantsEverythingTheAgentMayAskForWhereScopeIsOmitted() {
        const auto decision = house.token();
        CPPUNIT_ASSERT(decision.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("agents:read agents:write audit:read"), model::joined(decision->grant.scopes));
        CPPUNIT_ASSERT_EQUAL(std::string(OauthHouse::kAgent), decision->grant.subject.str());
        CPPUNIT_ASSERT_EQUAL(std::string(OauthHouse::kIssuer), decision->grant.audience);
        CPPUNIT_ASSERT_EQUAL(decision->client->credentials.front().id, decision->credentialId);
        CPPUNIT_ASSERT(decision->touchCredential);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{99}, decision->budget.remaining);
        const auto posted =
            house.post("grant_type=client_credentials&client_id=" + std::string(OauthHouse::kAgent) + "&client_secret=secret-one");
        CPPUNIT_ASSERT(posted.ok());
    }

    void row02RefusesOtherMediaTypes() {
        const auto authorization = OauthHouse::basic(OauthHouse::kAgent, "secret-one");
        for (const auto* type : {"application/json", "multipart/form-data; boundary=x", "", "text/plain",
                                 "application/x-www-form-urlencodedx", "application/x-www-form-urlencoded; charset=iso-8859-1",
                                 "application/x-www-form-urlencoded; charset=utf-7", "application/x-www-form-urlencoded; boundary=x"})
            CPPUNIT_ASSERT(OauthCode::InvalidRequest == codeFor({type, "", kGrant, authorization}));
        for (const auto* type : {"application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded;charset=UTF-8",
                                 "application/x-www-form-urlencoded; charset=\"utf-8\"", "application/x-www-form-urlencoded;"})
            CPPUNIT_ASSERT(parseTokenRequest({type, "", kGrant, authorization}).ok());
    }

    void row03RefusesDuplicateParameter() {
        for (const auto* body :
             {"grant_type=client_credentials&grant_type=client_credentials", "grant_type=client_credentials&scope=a&scope=a",
              "grant_type=client_credentials&scope=&scope=agents%3Aread", "grant_type=client_credentials&x=1&%78=2"})
            assertRefused(house.token(body), OauthCode::InvalidRequest);
        CPPUNIT_ASSERT(house.token("grant_type=client_credentials&resource=https://idp.example&resource=https://idp.example").ok());
        CPPUNIT_ASSERT(house.token("grant_type=client_credentials&audience=a&audience=b").ok());
    }

    void row04TreatsEmptyAsAbsentAndIgnoresUnknown() {
        const auto decision = house.token("grant_type=client_credentials&scope=&foo=bar&&baz&resource=");
        CPPUNIT_ASSERT(decision.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, decision->grant.scopes.size());
        assertRefused(house.token("grant_type=&scope=agents:read"), OauthCode::InvalidRequest);
        CPPUNIT_ASSERT(house.token("grant_type=client_credentials&client_secret=").ok());
    }

    void row05RefusesTwoMethodsAtOnce() {
        assertRefused(house.token("grant_type=client_credentials&client_secret=secret-one"), OauthCode::InvalidRequest);
        assertRefused(house.token("grant_type=client_credentials&client_assertion=x"), OauthCode::InvalidRequest);
        assertRefused(house.token("grant_type=client_credentials&client_id=" + std::string(OauthHouse::kNeighbour)),
                      OauthCode::InvalidRequest);
        CPPUNIT_ASSERT(house.token("grant_type=client_credentials&client_id=" + std::string(OauthHouse::kAgent)).ok());
        assertRefused(house.post("grant_type=client_credentials&client_assertion_type=a&client_assertion_type=b"),
                      OauthCode::InvalidRequest);
    }

    void row06RefusesSecretsInTheQuery() {
        const auto authorization = OauthHouse::basic(OauthHouse::kAgent, "secret-one");
        for (const auto* query : {"client_secret=canary", "a=b&token=canary", "client%5Fsecret=canary", "access_token=canary",
                                  "client_secret", "client_assertion=canary"}) {
            const auto parsed = parseTokenRequest({OauthHouse::kForm, query, kGrant, authorization});
            CPPUNIT_ASSERT(!parsed.ok());
            CPPUNIT_ASSERT(OauthCode::InvalidRequest == parsed.refusal().code);
            const auto& error = parsed.refusal();
            for (const auto& text : {error.description, error.logDetail, error.reason, error.claimedClient, render(error).body})
                CPPUNIT_ASSERT(text.find("canary") == std::string::npos);
        }
        CPPUNIT_ASSERT(parseTokenRequest({OauthHouse::kForm, "trace=1", kGrant, authorization}).ok());
    }

    void row07AnswersWrongSecretWithChallenge() {
        const auto wrong = house.token(kGrant, OauthHouse::basic(OauthHouse::kAgent, "secret-two"));
        assertRefused(wrong, OauthCode::InvalidClient);
        const auto answer = render(wrong.refusal());
        CPPUNIT_ASSERT_EQUAL(401, answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("no-store"), OauthHouse::header(answer, "Cache-Control"));
        CPPUNIT_ASSERT(OauthHouse::header(answer, "WWW-Authenticate").starts_with("Basic "));
        CPPUNIT_ASSERT_EQUAL(std::string("wrong_secret"), wrong.refusal().reason);

        const auto posted = house.post("grant_type=client_credentials&client_id=" + std::string(OauthHouse::kAgent) + "&client_secret=no");
        assertRefused(posted, OauthCode::InvalidClient);
        CPPUNIT_ASSERT(OauthHouse::header(render(posted.refusal()), "WWW-Authenticate").empty());
        const auto nothing = house.post(kGrant);
        assertRefused(nothing, OauthCode::InvalidClient);
        CPPUNIT_ASSERT(OauthHouse::header(render(nothing.refusal()), "WWW-Authenticate").starts_with("Basic "));
    }

    void row08RefusesMalformedBasic() {
        using std::string_literals::operator""s;
        const auto encoded = [](const std::string& pair) { return "Basic " + base::base64(base::bytesOf(pair)); };
        const std::string id = OauthHouse::kAgent;
        for (const auto& authorization : {"Basic"s,
                                          "Basic "s,
                                          "Basic !!!!"s,
                                          "Basic YWJj"s,
                                          "Basic YQ"s,
                                          "Basic YR=="s,
                                          encoded("no-colon"),
                                          encoded(":secret-one"),
                                          encoded(id + ":secret%2"),
                                          encoded(id + ":secret%zz"),
                                          encoded(id + "\0:secret-one"s),
                                          encoded(id + ":secret-one\0"s),
                                          encoded(id + "%00:secret-one"),
                                          encoded("\xC3\xA9:x"),
                                          encoded("\xFF\xFE:x"),
                                          encoded(id + ":" + std::string(6000, 'x')),
                                          encoded(std::string(200, 'x') + ":y"),
                                          "Bearer abc"s,
                                          "Digest x"s,
                                          ""s,
                                          "Basic  " + base::base64(base::bytesOf(id + ":" + "no"))})
            assertRefused(house.token(kGrant, authorization), OauthCode::InvalidClient);
    }

    void row08AcceptsFormEncodedBasic() {
        const std::string id = OauthHouse::kAgent;
        std::string encodedId;
        for (const char c : id) encodedId += "%" + base::hex(base::bytesOf(std::string_view(&c, 1)));
        CPPUNIT_ASSERT(house.token(kGrant, OauthHouse::basic(encodedId, "secret%2Done")).ok());
        house.clients.change(id, [&](Client& client) { client.credentials.push_back(house.credential("a b:c\xC3\xA9+")); });
        CPPUNIT_ASSERT(house.token(kGrant, OauthHouse::basic(id, "a+b%3Ac%C3%A9%2B")).ok());
        CPPUNIT_ASSERT(house.token(kGrant, "basic " + base::base64(base::bytesOf(id + ":secret-one"))).ok());
    }

    void row14RefusesUnknownGrants() {
        for (const auto* grant :
             {"password", "implicit", "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer",
              "CLIENT_CREDENTIALS", "client_credentials%20", "%00", "__proto__"})
            assertRefused(house.token("grant_type=" + std::string(grant)), OauthCode::UnsupportedGrantType);
        assertRefused(house.token("scope=agents:read"), OauthCode::InvalidRequest);
        // Without proof of who asks, nothing is told about grants.
        assertRefused(house.token("grant_type=password", OauthHouse::basic(OauthHouse::kAgent, "no")), OauthCode::InvalidClient);
    }

    void row15RefusesScopesThatAreMalformedOrNotGranted() {
        for (const auto& scope :
             {std::string("agents:delete"), std::string("agents:read%20admin:orgs"), std::string("a%22b"), std::string("a%5Cb"),
              std::string("agents:read%00"), std::string("a%0Ab"), std::string("%C3%A9"), std::string("%FF"), std::string("%20"),
              std::string("AGENTS:READ"), std::string(8192, 'x'), std::string("agents:read%09agents:write")})
            assertRefused(house.token("grant_type=client_credentials&scope=" + scope), OauthCode::InvalidScope);
    }

    void row16RefusesResourcesThatAreNotServedHere() {
        for (const auto* resource : {"https://idp.example%23fragment", "/relative", "https://other.example", "https://idp.example/", "%00"})
            assertRefused(house.token("grant_type=client_credentials&resource=" + std::string(resource)), OauthCode::InvalidTarget);
    }

    void row17RefusesSuspendedAgentAndOrganizationLikeAWrongSecret() {
        const auto wrong = render(house.token(kGrant, OauthHouse::basic(OauthHouse::kAgent, "no")).refusal());
        const auto unknown = render(house.token(kGrant, OauthHouse::basic("99999999-9999-4999-8999-999999999999", "no")).refusal());
        const auto bodies = [&](auto change) {
            OauthHouse other;
            other.clients.change(OauthHouse::kAgent, change);
            const auto refused = other.token();
            assertRefused(refused, OauthCode::InvalidClient);
            return render(refused.refusal());
        };
        const auto suspended = bodies([](Client& client) { client.agent.status = model::AgentStatus::Suspended; });
        const auto decommissioned = bodies([](Client& client) { client.agent.status = model::AgentStatus::Decommissioned; });
        const auto disabled = bodies([](Client& client) { client.organization.status = model::OrganizationStatus::Suspended; });
        for (const auto& answer : {unknown, suspended, decommissioned, disabled}) {
            CPPUNIT_ASSERT_EQUAL(wrong.body, answer.body);
            CPPUNIT_ASSERT(wrong.headers == answer.headers);
        }
    }

    void limitsSizes() {
        std::string many(kGrant);
        for (int i = 0; i < 63; ++i) many += "&p" + std::to_string(i) + "=";
        CPPUNIT_ASSERT(house.token(many).ok());
        assertRefused(house.token(many + "&last="), OauthCode::InvalidRequest);
        assertRefused(house.token("grant_type=client_credentials&" + std::string(65, 'n') + "=1"), OauthCode::InvalidRequest);
        assertRefused(house.token("grant_type=client_credentials&=1"), OauthCode::InvalidRequest);
        assertRefused(house.token("grant_type=client_credentials&a=%4"), OauthCode::InvalidRequest);
        assertRefused(house.post("grant_type=client_credentials&client_id=" + std::string(OauthHouse::kAgent) +
                                 "&client_secret=" + std::string(9000, 's')),
                      OauthCode::InvalidClient);
    }

    void narrowsToTheScopesAskedFor() {
        const auto decision = house.token("grant_type=client_credentials&scope=audit:read+agents%3Aread+audit:read");
        CPPUNIT_ASSERT(decision.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("agents:read audit:read"), model::joined(decision->grant.scopes));
        house.clients.change(OauthHouse::kAgent, [](Client& client) { client.agent.scopes.clear(); });
        CPPUNIT_ASSERT(house.token()->grant.scopes.empty());
    }

    void clampsTheLifetime() {
        house.settings.lifetime = base::seconds(900);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{900}, std::int64_t{house.token()->grant.lifetime.count()});
        house.settings.maxLifetime = base::seconds(60);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{60}, std::int64_t{house.token()->grant.lifetime.count()});
    }

    void letsTheHundredthRequestPassAndNotTheNext() {
        house.settings.quota = QuotaMode::Enforce;
        for (int i = 0; i < 99; ++i) CPPUNIT_ASSERT(house.token().ok());
        const auto hundredth = house.token();
        CPPUNIT_ASSERT(hundredth.ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, hundredth->budget.remaining);
        const auto next = house.token();
        assertRefused(next, OauthCode::TooManyRequests);
        const auto answer = render(next.refusal());
        CPPUNIT_ASSERT_EQUAL(429, answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("30"), OauthHouse::header(answer, "Retry-After"));
        CPPUNIT_ASSERT_EQUAL(std::string("100"), OauthHouse::header(answer, "X-RateLimit-Limit"));
        CPPUNIT_ASSERT_EQUAL(std::string("0"), OauthHouse::header(answer, "X-RateLimit-Remaining"));
        CPPUNIT_ASSERT_EQUAL(std::to_string(base::epochSecondsOf(house.clock.now()) + 30), OauthHouse::header(answer, "X-RateLimit-Reset"));
        CPPUNIT_ASSERT_EQUAL(std::string("temporarily_unavailable"), base::json::parse(answer.body)->textOr("error", ""));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{100}, house.budgets.tokens);
    }

    void chargesNoBudgetBeforeTheClientIsProven() {
        for (int i = 0; i < 5; ++i) (void)house.token(kGrant, OauthHouse::basic(OauthHouse::kAgent, "no"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, house.budgets.requests);
        (void)house.token("grant_type=client_credentials&scope=nope");
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, house.budgets.requests);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, house.budgets.tokens);
    }

    void reportsOrEnforcesTheQuota() {
        house.budgets.quota = 1;
        // Only reported: no answer waits for the count, which is made once the token is durable.
        CPPUNIT_ASSERT(house.token().ok() && house.token().ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, house.budgets.tokens);
        house.settings.quota = QuotaMode::Enforce;
        CPPUNIT_ASSERT(house.token().ok());
        const auto refused = house.token();
        assertRefused(refused, OauthCode::QuotaExceeded);
        const auto answer = render(refused.refusal());
        CPPUNIT_ASSERT_EQUAL(403, answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("QUOTA_EXCEEDED"), base::json::parse(answer.body)->textOr("code", ""));
        house.settings.quota = QuotaMode::Off;
        const auto counted = house.budgets.tokens;
        CPPUNIT_ASSERT(house.token().ok());
        CPPUNIT_ASSERT_EQUAL(counted, house.budgets.tokens);
    }

    void failsClosedWhereAPortFails() {
        house.clients.failure = base::fail(base::Errc::Unavailable, "", "storage is down");
        assertRefused(house.token(), OauthCode::TemporarilyUnavailable);
        CPPUNIT_ASSERT_EQUAL(std::string("1"), OauthHouse::header(render(house.token().refusal()), "Retry-After"));
        CPPUNIT_ASSERT(render(house.token().refusal()).body.find("storage") == std::string::npos);
        house.clients.failure.reset();
        house.budgets.failure = base::fail(base::Errc::Deadline, "");
        assertRefused(house.token(), OauthCode::TemporarilyUnavailable);
        house.budgets.failure = base::fail(base::Errc::Internal, "", "a bug");
        assertRefused(house.token(), OauthCode::ServerError);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TokenEndpointTest);

}  // namespace agentidp::oauth
