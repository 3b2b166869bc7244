/// What is left of a grant when a hook has narrowed it: never more than there was.
#include "oauth/policy.h"

#include <cppunit/extensions/HelperMacros.h>

#include "oauth_house.h"

namespace agentidp::oauth {
namespace {

/// Says what a test sets.
class SetPolicy final : public Policy {
public:
    std::optional<OauthError> refused;
    Charge charged;
    Narrowing narrowing;
    std::string added = "{}";
    std::optional<OauthError> authenticated(const AuthenticatedClient&, const TokenRequest&) override { return refused; }
    Charge charge(const Client&) override { return charged; }
    OauthResult<Narrowing> scopes(const Client&, const TokenRequest&, const model::Grant&) override { return narrowing; }
    OauthResult<std::string> claims(const Client&, const model::Grant&) override { return added; }
};

}  // namespace

class PolicyTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PolicyTest);
    CPPUNIT_TEST(narrowsScopesLifetimeAndAudience);
    CPPUNIT_TEST(neverWidens);
    CPPUNIT_TEST(isAskedBeforeTheBudgetAndAfterTheRules);
    CPPUNIT_TEST_SUITE_END();

    static model::Grant grant() {
        model::Grant out;
        out.scopes = {"a", "b", "c"};
        out.audience = "https://api.example";
        out.lifetime = base::seconds(600);
        return out;
    }
    static constexpr std::string_view kIssuer = "https://idp.example";

public:
    void narrowsScopesLifetimeAndAudience() {
        auto left = narrowed(grant(), {{{"a", "c"}}, base::seconds(60), std::string(kIssuer)}, kIssuer);
        CPPUNIT_ASSERT(left.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("a c"), model::joined(left->scopes));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{60}, std::int64_t{left->lifetime.count()});
        CPPUNIT_ASSERT_EQUAL(std::string(kIssuer), left->audience);
        left = narrowed(grant(), {}, kIssuer);
        CPPUNIT_ASSERT_EQUAL(std::string("a b c"), model::joined(left->scopes));
    }

    void neverWidens() {
        auto refused = narrowed(grant(), {{{"a", "admin:orgs"}}, {}, {}}, kIssuer);
        CPPUNIT_ASSERT(!refused.ok() && refused.refusal().code == OauthCode::TemporarilyUnavailable);
        refused = narrowed(grant(), {{}, {}, "https://elsewhere.example"}, kIssuer);
        CPPUNIT_ASSERT(!refused.ok() && refused.refusal().code == OauthCode::TemporarilyUnavailable);
        refused = narrowed(grant(), {model::ScopeSet{}, {}, {}}, kIssuer);
        CPPUNIT_ASSERT(!refused.ok() && refused.refusal().code == OauthCode::AccessDenied);
        const auto longer = narrowed(grant(), {{}, base::seconds(6000), {}}, kIssuer);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{600}, std::int64_t{longer->lifetime.count()});
    }

    void isAskedBeforeTheBudgetAndAfterTheRules() {
        tests::OauthHouse house;
        const auto ask = [&](SetPolicy& policy) {
            auto request = parseTokenRequest({tests::OauthHouse::kForm, "", "grant_type=client_credentials",
                                              tests::OauthHouse::basic(tests::OauthHouse::kAgent, "secret-one")});
            return house.endpoint.decide(*request, house.settings, house.clock.now(), &policy);
        };
        SetPolicy policy;
        policy.refused = policyDenied("closed", "");
        CPPUNIT_ASSERT(ask(policy).refusal().code == OauthCode::AccessDenied);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, house.budgets.requests);
        policy.refused.reset();
        policy.charged = {5, "team"};
        policy.narrowing.scopes = {"agents:read"};
        policy.added = R"({"x_team":"blue"})";
        const auto decision = ask(policy);
        CPPUNIT_ASSERT(decision.ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, house.budgets.requests);
        CPPUNIT_ASSERT_EQUAL(std::string("team"), house.budgets.charged.alsoFrom);
        CPPUNIT_ASSERT_EQUAL(std::string("agents:read"), model::joined(decision->grant.scopes));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"x_team":"blue"})"), decision->grant.claimsJson);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PolicyTest);

}  // namespace agentidp::oauth
