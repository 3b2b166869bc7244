/// Rows 42 and 43: introspection and revocation.
#include <cppunit/extensions/HelperMacros.h>

#include "base/json.h"
#include "oauth/metadata.h"
#include "oauth_house.h"

namespace agentidp::oauth {

using tests::OauthHouse;

class IntrospectionTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(IntrospectionTest);
    CPPUNIT_TEST(showsAnAgentItsOwnToken);
    CPPUNIT_TEST(showsTheOrganizationToThoseWhoHoldTheScope);
    CPPUNIT_TEST(showsATokenToItsAudience);
    CPPUNIT_TEST(row42RefusesCallersWithoutProof);
    CPPUNIT_TEST(row42AnswersAllTheSameWhereItIsNoneOfTheirBusiness);
    CPPUNIT_TEST(row42RefusesBearersWithoutTheScope);
    CPPUNIT_TEST(revokesOnceAndThenRepeats);
    CPPUNIT_TEST(row43AnswersUnknownTokensAsRevoked);
    CPPUNIT_TEST(row43RefusesAnotherClientsToken);
    CPPUNIT_TEST(revokesForTheOrganizationWithTheScope);
    CPPUNIT_TEST(describesItself);
    CPPUNIT_TEST_SUITE_END();

    OauthHouse house;
    const std::string agent = OauthHouse::basic(OauthHouse::kAgent, "secret-one");
    const std::string neighbour = OauthHouse::basic(OauthHouse::kNeighbour, "secret-two");
    const std::string stranger = OauthHouse::basic(OauthHouse::kStranger, "secret-three");
    static constexpr std::string_view kInactive = R"({"active":false})";

    std::string bodyFor(const std::string& token, const std::string& authorization) {
        const auto decision = house.introspect(token, authorization);
        CPPUNIT_ASSERT(decision.ok());
        CPPUNIT_ASSERT_EQUAL(200, decision->answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("no-store"), OauthHouse::header(decision->answer, "Cache-Control"));
        CPPUNIT_ASSERT_EQUAL(decision->claims != nullptr, decision->answer.body != kInactive);
        return decision->answer.body;
    }
    OauthCode refusalOf(const std::string& token, const std::string& authorization) {
        const auto decision = house.introspect(token, authorization);
        CPPUNIT_ASSERT(!decision.ok());
        return decision.refusal().code;
    }

public:
    void showsAnAgentItsOwnToken() {
        const auto issued = house.issue();
        const auto body = base::json::parse(bodyFor(issued.accessToken, agent)).value();
        CPPUNIT_ASSERT_EQUAL(true, *body.find("active")->asBool());
        for (const auto* name : {"scope", "client_id", "token_type", "exp", "iat", "nbf", "sub", "aud", "iss", "jti", "organization_id"})
            CPPUNIT_ASSERT_MESSAGE(name, body.find(name) != nullptr);
        CPPUNIT_ASSERT_EQUAL(issued.jti.str(), body.textOr("jti", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("Bearer"), body.textOr("token_type", ""));
    }

    void showsTheOrganizationToThoseWhoHoldTheScope() {
        const auto issued = house.issue();
        CPPUNIT_ASSERT(bodyFor(issued.accessToken, neighbour) != kInactive);
        CPPUNIT_ASSERT(bodyFor(issued.accessToken, "Bearer " + house.issue(OauthHouse::kNeighbour, "secret-two").accessToken) != kInactive);
        house.clients.change(OauthHouse::kNeighbour, [](Client& client) { client.agent.scopes.clear(); });
        CPPUNIT_ASSERT_EQUAL(std::string(kInactive), bodyFor(issued.accessToken, neighbour));
    }

    void showsATokenToItsAudience() {
        house.settings.audience = OauthHouse::kStranger;
        house.clients.change(OauthHouse::kStranger, [](Client& client) { client.agent.scopes.clear(); });
        CPPUNIT_ASSERT(bodyFor(house.issue().accessToken, stranger) != kInactive);
    }

    void row42RefusesCallersWithoutProof() {
        const auto token = house.issue().accessToken;
        CPPUNIT_ASSERT(OauthCode::InvalidClient == refusalOf(token, OauthHouse::basic(OauthHouse::kAgent, "no")));
        const auto bare = parseIntrospectionRequest({OauthHouse::kForm, "", "token=x", std::nullopt});
        CPPUNIT_ASSERT(!bare.ok());
        CPPUNIT_ASSERT(OauthCode::InvalidClient == bare.refusal().code);
        const auto missing = parseIntrospectionRequest({OauthHouse::kForm, "", "token=", std::string_view(agent)});
        CPPUNIT_ASSERT(OauthCode::InvalidRequest == missing.refusal().code);
        const auto both = parseIntrospectionRequest({OauthHouse::kForm, "", "token=x&client_secret=y", "Bearer z"});
        CPPUNIT_ASSERT(OauthCode::InvalidRequest == both.refusal().code);
    }

    void row42AnswersAllTheSameWhereItIsNoneOfTheirBusiness() {
        const auto token = house.issue().accessToken;
        // Another organization's, even with tokens:introspect.
        CPPUNIT_ASSERT_EQUAL(std::string(kInactive), bodyFor(token, stranger));
        CPPUNIT_ASSERT_EQUAL(std::string(kInactive),
                             bodyFor(token, "Bearer " + house.issue(OauthHouse::kStranger, "secret-three").accessToken));
        // Dead ones of its own.
        const auto revoked = house.issue();
        house.revocations.revoked.insert(revoked.jti.str());
        CPPUNIT_ASSERT_EQUAL(std::string(kInactive), bodyFor(revoked.accessToken, agent));
        // Ten thousand that nobody issued.
        for (int i = 0; i < 10000; ++i) {
            const auto draw = RandomDraw::fresh();
            const auto body = house.introspect(base::base64url(draw.bytes) + ".e30.AAAA", agent);
            CPPUNIT_ASSERT_EQUAL(std::string(kInactive), body->answer.body);
        }
        const auto first = house.introspect(token, stranger)->answer.headers;
        CPPUNIT_ASSERT(first == house.introspect("garbage", stranger)->answer.headers);
    }

    void row42RefusesBearersWithoutTheScope() {
        const auto issued = house.issue();
        const auto decision = house.introspect(issued.accessToken, "Bearer " + issued.accessToken);
        CPPUNIT_ASSERT(OauthCode::InsufficientScope == decision.refusal().code);
        const auto answer = render(decision.refusal());
        CPPUNIT_ASSERT_EQUAL(403, answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("Bearer realm=\"agentidp\", error=\"insufficient_scope\", scope=\"tokens:introspect\""),
                             OauthHouse::header(answer, "WWW-Authenticate"));
        CPPUNIT_ASSERT(OauthCode::InvalidToken == refusalOf(issued.accessToken, "Bearer garbage"));
    }

    void revokesOnceAndThenRepeats() {
        const auto issued = house.issue();
        const auto first = house.revoke(issued.accessToken, agent);
        CPPUNIT_ASSERT(first->kind == RevocationKind::Revoke);
        const auto& change = std::get<model::RevokeToken>(first->mutation.changes.at(0));
        CPPUNIT_ASSERT_EQUAL(issued.jti, change.jti);
        CPPUNIT_ASSERT_EQUAL(base::epochSecondsOf(house.clock.now()) + 3600, base::epochSecondsOf(change.expiresAt));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, first->mutation.events.size());
        CPPUNIT_ASSERT(first->mutation.events[0].action == model::Action::TokenRevoked);
        CPPUNIT_ASSERT_EQUAL(issued.jti.str(), first->mutation.events[0].jti);
        house.revocations.revoked.insert(issued.jti.str());
        const auto again = house.revoke(issued.accessToken, agent);
        CPPUNIT_ASSERT(again->kind == RevocationKind::Repeat);
        CPPUNIT_ASSERT(again->mutation.empty());
        CPPUNIT_ASSERT_EQUAL(200, again->answer.status);
    }

    void row43AnswersUnknownTokensAsRevoked() {
        const auto expired = house.issue();
        house.clock.advance(base::seconds(3600));
        for (const auto& token : {std::string("garbage"), expired.accessToken, std::string(20000, 'a')}) {
            const auto decision = house.revoke(token, agent);
            CPPUNIT_ASSERT(decision.ok());
            CPPUNIT_ASSERT(decision->kind == RevocationKind::Nothing);
            CPPUNIT_ASSERT(decision->mutation.empty());
            CPPUNIT_ASSERT_EQUAL(200, decision->answer.status);
        }
    }

    void row43RefusesAnotherClientsToken() {
        const auto issued = house.issue();
        const auto decision = house.revoke(issued.accessToken, stranger);
        CPPUNIT_ASSERT(!decision.ok());
        CPPUNIT_ASSERT(OauthCode::UnauthorizedClient == decision.refusal().code);
        CPPUNIT_ASSERT_EQUAL(400, render(decision.refusal()).status);
        CPPUNIT_ASSERT(bodyFor(issued.accessToken, agent) != kInactive);
        house.clients.change(OauthHouse::kNeighbour, [](Client& client) { client.agent.scopes.clear(); });
        CPPUNIT_ASSERT(OauthCode::UnauthorizedClient == house.revoke(issued.accessToken, neighbour).refusal().code);
    }

    void revokesForTheOrganizationWithTheScope() {
        const auto decision = house.revoke(house.issue().accessToken, neighbour);
        CPPUNIT_ASSERT(decision->kind == RevocationKind::Revoke);
        CPPUNIT_ASSERT_EQUAL(std::string(OauthHouse::kAgent), decision->mutation.events[0].agentId.str());
        CPPUNIT_ASSERT_EQUAL(std::string(OauthHouse::kNeighbour), decision->mutation.events[0].actor);
    }

    void describesItself() {
        std::vector<std::string> grants;
        for (const auto& grant : allGrantTypes()) grants.emplace_back(grant->name());
        const auto document = base::json::parse(metadataDocument({"https://idp.example", builtInScopes(), grants, ""})).value();
        CPPUNIT_ASSERT_EQUAL(std::string("https://idp.example"), document.textOr("issuer", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("https://idp.example/api/v1/token"), document.textOr("token_endpoint", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("https://idp.example/api/v1/token/introspect"), document.textOr("introspection_endpoint", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("https://idp.example/api/v1/token/revoke"), document.textOr("revocation_endpoint", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("https://idp.example/.well-known/jwks.json"), document.textOr("jwks_uri", ""));
        CPPUNIT_ASSERT_EQUAL(std::string(R"(["client_credentials"])"), base::json::write(*document.find("grant_types_supported")));
        CPPUNIT_ASSERT_EQUAL(std::string("[]"), base::json::write(*document.find("response_types_supported")));
        CPPUNIT_ASSERT_EQUAL(std::string(R"(["client_secret_basic","client_secret_post"])"),
                             base::json::write(*document.find("token_endpoint_auth_methods_supported")));
        CPPUNIT_ASSERT(std::is_sorted(builtInScopes().begin(), builtInScopes().end()));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IntrospectionTest);

}  // namespace agentidp::oauth
