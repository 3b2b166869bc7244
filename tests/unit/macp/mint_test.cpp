/// From a request to a token, byte for byte, and what the ledger is told.
#include "macp/mint.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/json.h"
#include "base/text.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_oauth.h"

namespace agentidp::macp {

class MintTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MintTest);
    CPPUNIT_TEST(writesHeaderAndPayloadInTheirOrder);
    CPPUNIT_TEST(answersInItsOrder);
    CPPUNIT_TEST(roundsHalvesUp);
    CPPUNIT_TEST(repeatsTextsAsStringifyWould);
    CPPUNIT_TEST(givesEveryTokenItsOwnJti);
    CPPUNIT_TEST(tellsTheLedgerAndNeverTheToken);
    CPPUNIT_TEST(boundsWhatTheLedgerKeeps);
    CPPUNIT_TEST(namesTheAgentThatAsked);
    CPPUNIT_TEST(refusesWhereNoKeyMaySign);
    CPPUNIT_TEST(wordsRefusals);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock;
    tests::FakeSigner signer;
    Mint house{{"macp-auth-service", "macp-runtime"}, signer};
    MintCaller anybody{MintAuth::None, "anonymous", "192.0.2.7", std::nullopt};

    static std::string part(const std::string& token, std::size_t index) {
        return std::string(base::textOf(base::unbase64url(base::split(token, '.').at(index)).value()));
    }
    MintedToken mint(const MintRequest& request) const {
        return *house.mint(request, anybody, {"r-1", "192.0.2.7", "test/1", clock.now()});
    }
    std::int64_t now() const { return base::epochSecondsOf(clock.now()); }
    static void same(std::string_view expected, const std::string& got) { CPPUNIT_ASSERT_EQUAL(std::string(expected), got); }

public:
    void writesHeaderAndPayloadInTheirOrder() {
        const auto minted = mint({"agent-1", R"({"a":1})", 300});
        const std::string token = minted.token;
        same(R"({"alg":"ES256","kid":"key-of-the-test"})", part(token, 0));
        same(R"({"macp_scopes":{"a":1},"sub":"agent-1","iss":"macp-auth-service","aud":"macp-runtime","iat":)" + std::to_string(now()) +
                 R"(,"exp":)" + std::to_string(now() + 300) + R"(,"jti":")" + minted.jti + "\"}",
             part(token, 1));
        CPPUNIT_ASSERT(tests::FakeJwsVerifier(signer).verify(token).ok());
    }

    void answersInItsOrder() {
        const auto minted = mint({"agent-1", "{}", 60.5});
        CPPUNIT_ASSERT_EQUAL(200, minted.answer.status);
        same(R"({"token":")" + minted.token + R"(","sender":"agent-1","expires_in_seconds":60.5})", minted.answer.body);
        same("Content-Type", minted.answer.headers.front().first);
        same("application/json; charset=utf-8", minted.answer.headers.front().second);
    }

    void roundsHalvesUp() {
        const std::pair<double, std::int64_t> cases[] = {{60.5, 61}, {60.49, 60}, {59.5, 60}, {0.5, 1}, {0.49999999999999994, 0},
                                                         {1, 1},     {5e-324, 0}};
        for (const auto& [seconds, expected] : cases) CPPUNIT_ASSERT_EQUAL(expected, roundHalfUp(seconds));
        const auto claims = base::json::parse(part(mint({"a", "{}", 60.5}).token, 1));
        CPPUNIT_ASSERT_EQUAL(now() + 61, claims->intOr("exp", 0));
    }

    void repeatsTextsAsStringifyWould() {
        const auto minted = mint({"a\"\n\xED\xA0\x80\xE2\x80\xA8", "{}", 1});
        CPPUNIT_ASSERT(part(minted.token, 1).find("\"sub\":\"a\\\"\\n\\ud800\xE2\x80\xA8\"") != std::string::npos);
        CPPUNIT_ASSERT(minted.answer.body.find("\"sender\":\"a\\\"\\n\\ud800\xE2\x80\xA8\"") != std::string::npos);
        CPPUNIT_ASSERT(base::json::parse(minted.event.metadataJson)->textOr("sender", "") == "a\"\n\xEF\xBF\xBD\xE2\x80\xA8");
    }

    void givesEveryTokenItsOwnJti() {
        const auto first = mint({"a", "{}", 1});
        CPPUNIT_ASSERT(first.jti != mint({"a", "{}", 1}).jti);
        CPPUNIT_ASSERT_EQUAL(std::size_t{22}, first.jti.size());
    }

    void tellsTheLedgerAndNeverTheToken() {
        const auto minted = mint({"agent-1", R"({"a":1})", 300});
        CPPUNIT_ASSERT(minted.event.action == model::Action::TokenMinted);
        same("anonymous", minted.event.actor);
        same(minted.jti, minted.event.jti);
        same("r-1", minted.event.requestId);
        same(R"({"sender":"agent-1","auth":"none","scopes":"{\"a\":1}","expiresAt":)" + std::to_string(now() + 300) +
                 R"(,"kid":"key-of-the-test"})",
             minted.event.metadataJson);
        CPPUNIT_ASSERT(minted.event.metadataJson.find(base::split(minted.token, '.').at(2)) == std::string::npos);
    }

    void boundsWhatTheLedgerKeeps() {
        const std::string longText(100000, 'x');
        std::string euros;
        for (int i = 0; i < 200; ++i) euros += "\xE2\x82\xAC";
        const auto minted = mint({euros, R"({"a":")" + longText + "\"}", 300});
        const auto metadata = base::json::parse(minted.event.metadataJson);
        CPPUNIT_ASSERT(metadata.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{255}, metadata->textOr("sender", "").size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{64}, metadata->textOr("scopesSha256", "").size());
        CPPUNIT_ASSERT(metadata->find("scopes") == nullptr);
        CPPUNIT_ASSERT(minted.event.metadataJson.size() < 1024);
    }

    void namesTheAgentThatAsked() {
        anybody.agent = model::Caller{};
        anybody.agent->agentId = model::AgentId("11111111-1111-4111-8111-111111111111");
        anybody.agent->agentNum = 7;
        anybody.agent->organizationNum = 3;
        const auto minted = mint({"a", "{}", 1});
        same("11111111-1111-4111-8111-111111111111", minted.event.agentId.str());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{7}, minted.event.agentNum);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, minted.event.organizationNum);
    }

    void refusesWhereNoKeyMaySign() {
        signer.failure = base::fail(base::Errc::Unavailable, "the rollback alarm is on", "detail");
        const auto refused = house.mint({"a", "{}", 1}, anybody, {"r", "", "", clock.now()});
        CPPUNIT_ASSERT_EQUAL(503, refused.refusal().status);
        same(R"({"error":"temporarily unavailable"})", render(refused.refusal()).body);
    }

    void wordsRefusals() {
        const auto answer = render(tooManyRequests(base::seconds(7)));
        CPPUNIT_ASSERT_EQUAL(429, answer.status);
        same(R"({"error":"too many requests"})", answer.body);
        CPPUNIT_ASSERT(answer.headers.back() == std::make_pair(std::string("Retry-After"), std::string("7")));
        CPPUNIT_ASSERT_EQUAL(500, refusalOf(base::fail(base::Errc::Internal, "", "x")).status);
        same("not found", refusalOf(model::problem(model::ProblemCode::NotFound, "whatever")).error);
        same("internal error", refusalOf(model::problem(model::ProblemCode::Internal, "whatever")).error);
        same("this server answers over TLS only",
             refusalOf(model::problem(model::ProblemCode::Forbidden, "this server answers over TLS only")).error);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MintTest);

}  // namespace agentidp::macp
