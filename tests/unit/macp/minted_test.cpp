/// Minted tokens that come back: what they are worth, who may know, who may end them; and that they are no access tokens.
#include "macp/minted.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/json.h"
#include "unit/oauth/oauth_house.h"

namespace agentidp::macp {

class MintedTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MintedTest);
    CPPUNIT_TEST(knowsItsOwn);
    CPPUNIT_TEST(isWorthNothingOnceRevokedExpiredOrDistrusted);
    CPPUNIT_TEST(isNoAccessTokenAndTheOtherWayRound);
    CPPUNIT_TEST(wantsEveryClaimWithItsType);
    CPPUNIT_TEST(introspectsForThoseWhoMaySee);
    CPPUNIT_TEST(revokesForThoseWhoMay);
    CPPUNIT_TEST(failsClosed);
    CPPUNIT_TEST_SUITE_END();

    tests::OauthHouse house;
    MintNames names{"macp-auth-service", "macp-runtime"};
    Mint mint{names, house.signer};
    Minted minted{{house.jws, house.revocations}, names};

    MintedToken token(const MintRequest& request = {"agent-1", R"({"a":1})", 300}) const {
        return *mint.mint(request, {MintAuth::None, "anonymous", "", std::nullopt}, house.origin());
    }
    std::optional<MintedClaims> verify(const std::string& text) const { return *minted.verify(text, house.clock.now()); }
    static model::Caller caller(model::ScopeSet scopes) {
        model::Caller out;
        out.agentId = model::AgentId(tests::OauthHouse::kAgent);
        out.agentNum = 1;
        out.organizationNum = 1;
        out.scopes = std::move(scopes);
        return out;
    }

public:
    void knowsItsOwn() {
        const auto made = token();
        const auto claims = verify(made.token);
        CPPUNIT_ASSERT(claims.has_value());
        CPPUNIT_ASSERT_EQUAL(made.jti, claims->jti);
        CPPUNIT_ASSERT_EQUAL(std::string("agent-1"), claims->subject);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":1})"), claims->scopesJson);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{300}, claims->expiresAt - claims->issuedAt);
        CPPUNIT_ASSERT(verify(token({"\xED\xA0\x80", R"({"\ud800":null})", 300}).token)->scopesJson == R"({"\ud800":null})");
    }

    void isWorthNothingOnceRevokedExpiredOrDistrusted() {
        const auto made = token();
        house.revocations.revoked.insert(made.jti);
        CPPUNIT_ASSERT(!verify(made.token));
        const auto later = token();
        CPPUNIT_ASSERT(!*minted.verify(later.token, house.clock.now() + base::seconds(300)));
        CPPUNIT_ASSERT(*minted.verify(later.token, house.clock.now() + base::seconds(299)));
        house.jws.distrusted.insert(house.signer.kid);
        CPPUNIT_ASSERT(!verify(later.token));
        CPPUNIT_ASSERT(!verify("garbage"));
        CPPUNIT_ASSERT(!verify(""));
    }

    void isNoAccessTokenAndTheOtherWayRound() {
        CPPUNIT_ASSERT(!verify(house.issue().accessToken));
        // Even a sender and scopes made to look like an access token's claims leave it a minted one: it has no `typ`.
        const auto made = token({tests::OauthHouse::kAgent, "{}", 300});
        CPPUNIT_ASSERT(house.verifier.verify(made.token, house.clock.now())->state == oauth::TokenState::Invalid);
        const std::string header = R"({"alg":"ES256","kid":")" + house.signer.kid + R"(","typ":"at+jwt"})";
        const auto body = base::unbase64url(base::split(made.token, '.').at(1)).value();
        CPPUNIT_ASSERT(!verify(house.forge(header, base::textOf(body))));
    }

    void wantsEveryClaimWithItsType() {
        const std::string header = R"({"alg":"ES256","kid":")" + house.signer.kid + "\"}";
        const auto seconds = std::to_string(base::epochSecondsOf(house.clock.now()));
        const auto later = std::to_string(base::epochSecondsOf(house.clock.now()) + 60);
        const auto payload = [&](std::string_view scopes, std::string_view sub, std::string_view iss, std::string_view aud,
                                 std::string_view exp, std::string_view jti) {
            return R"({"macp_scopes":)" + std::string(scopes) + R"(,"sub":)" + std::string(sub) + R"(,"iss":)" + std::string(iss) +
                   R"(,"aud":)" + std::string(aud) + R"(,"iat":)" + seconds + R"(,"exp":)" + std::string(exp) + R"(,"jti":)" +
                   std::string(jti) + "}";
        };
        const auto takes = [&](const std::string& claims) { return verify(house.forge(header, claims)).has_value(); };
        const std::string_view iss = R"("macp-auth-service")";
        const std::string_view aud = R"("macp-runtime")";
        CPPUNIT_ASSERT(takes(payload("{}", "\"a\"", iss, aud, later, "\"j\"")));
        CPPUNIT_ASSERT(!takes(payload("[]", "\"a\"", iss, aud, later, "\"j\"")));
        CPPUNIT_ASSERT(!takes(payload("{}", "1", iss, aud, later, "\"j\"")));
        CPPUNIT_ASSERT(!takes(payload("{}", "\"a\"", "\"x\"", aud, later, "\"j\"")));
        CPPUNIT_ASSERT(!takes(payload("{}", "\"a\"", iss, R"(["macp-runtime"])", later, "\"j\"")));
        CPPUNIT_ASSERT(!takes(payload("{}", "\"a\"", iss, aud, "1e999", "\"j\"")));
        CPPUNIT_ASSERT(!takes(payload("{}", "\"a\"", iss, aud, later + ".5", "\"j\"")));
        CPPUNIT_ASSERT(!takes(payload("{}", "\"a\"", iss, aud, later, "\"\"")));
    }

    void introspectsForThoseWhoMaySee() {
        const auto made = token();
        for (const auto& scopes :
             {model::ScopeSet{}, model::ScopeSet{"tokens:introspect"}, model::ScopeSet{"macp:mint"}, model::ScopeSet{"admin:orgs"}})
            CPPUNIT_ASSERT(!*minted.introspect(caller(scopes), made.token, house.clock.now()));
        for (const auto& scopes : {model::ScopeSet{"macp:mint", "tokens:introspect"}, model::ScopeSet{"admin:orgs", "tokens:introspect"}}) {
            const auto answer = *minted.introspect(caller(scopes), made.token, house.clock.now());
            CPPUNIT_ASSERT(answer.has_value());
            const auto body = base::json::parse(answer->body);
            CPPUNIT_ASSERT(*body->find("active")->asBool());
            CPPUNIT_ASSERT_EQUAL(std::string("macp-runtime"), body->textOr("aud", ""));
            CPPUNIT_ASSERT_EQUAL(made.jti, answer->jti);
        }
        CPPUNIT_ASSERT(!*minted.introspect(caller({"macp:mint", "tokens:introspect"}), "garbage", house.clock.now()));
    }

    void revokesForThoseWhoMay() {
        using Kind = MintedRevocation::Kind;
        const auto made = token();
        CPPUNIT_ASSERT(minted.revoke(caller({"tokens:revoke"}), made.token, house.origin())->kind == Kind::Denied);
        CPPUNIT_ASSERT(minted.revoke(caller({"macp:mint"}), made.token, house.origin())->kind == Kind::Denied);
        CPPUNIT_ASSERT(minted.revoke(caller({}), "garbage", house.origin())->kind == Kind::Nothing);
        const auto decided = minted.revoke(caller({"macp:mint", "tokens:revoke"}), made.token, house.origin());
        CPPUNIT_ASSERT(decided->kind == Kind::Revoke);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, decided->mutation.changes.size());
        CPPUNIT_ASSERT_EQUAL(made.jti, std::get<model::RevokeToken>(decided->mutation.changes.front()).jti.str());
        const auto& event = decided->mutation.events.front();
        CPPUNIT_ASSERT(event.action == model::Action::TokenRevoked);
        CPPUNIT_ASSERT_EQUAL(made.jti, event.jti);
        house.revocations.revoked.insert(made.jti);
        CPPUNIT_ASSERT(minted.revoke(caller({"macp:mint", "tokens:revoke"}), made.token, house.origin())->kind == Kind::Nothing);
    }

    void failsClosed() {
        const auto made = token();
        house.revocations.failure = base::fail(base::Errc::Unavailable, "", "stale");
        CPPUNIT_ASSERT(!minted.verify(made.token, house.clock.now()).ok());
        CPPUNIT_ASSERT(!minted.revoke(caller({"macp:mint", "tokens:revoke"}), made.token, house.origin()).ok());
        house.revocations.failure.reset();
        for (const auto code : {base::Errc::Unavailable, base::Errc::Deadline, base::Errc::Internal}) {
            house.jws.failure = base::fail(code, "", "the plugin is away");
            CPPUNIT_ASSERT(!minted.verify(made.token, house.clock.now()).ok());
        }
        house.jws.failure = base::fail(base::Errc::Unauthenticated, "");
        CPPUNIT_ASSERT(!verify(made.token));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MintedTest);

}  // namespace agentidp::macp
