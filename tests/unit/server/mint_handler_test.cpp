/// POST /tokens through the whole pipeline, with a ledger that answers when the test says so: what is said before durability, after it,
/// and where it never comes.
#include "server/mint_handler.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/json.h"
#include "base/text.h"
#include "fakes/fake_rate_limiter.h"
#include "fakes/fake_storage.h"
#include "server/pipeline.h"
#include "unit/oauth/oauth_house.h"

namespace agentidp::server {
namespace {

class HeldLedger final : public audit::Ledger {
public:
    void append(audit::Effect effect, audit::Continuation then) override {
        events.insert(events.end(), effect.events.begin(), effect.events.end());
        waiting.push_back(std::move(then));
    }
    void release(const base::Result<audit::Committed>& outcome) {
        for (auto& then : std::exchange(waiting, {})) then(outcome);
    }
    std::vector<model::AuditEvent> events;
    std::vector<audit::Continuation> waiting;
};

class SilentLog final : public observe::Log {
public:
    void write(observe::Message, std::initializer_list<observe::Field>) override {}
};

/// A daemon's way of requests with nothing behind it but the mint.
struct MintHouse {
    explicit MintHouse(macp::MintAuth auth, MintLimits limits = {})
        : gate(auth, bearer, secretFor(auth)),
          handler({gate, mint, ledger, budgets, failures, workplaces, oauth.signer, metrics,
                   [this](const oauth::AuthFailure& failure) { failed(failure); }},
                  limits) {
        handler.bind(endpoints);
        front = Front::make({endpoints, bearer, failures, budgets, pool, oauth.clock, log, metrics,
                             [this](const oauth::AuthFailure& failure) { failed(failure); }},
                            Surface::Public, MintRoutes::On, {})
                    .value();
    }
    MintHouse(const MintHouse&) = delete;
    MintHouse& operator=(const MintHouse&) = delete;
    /// Requests still waiting are answered while the pipeline they are in is there.
    ~MintHouse() { ledger.release(base::fail(base::Errc::Unavailable, "the test is over")); }
    static std::optional<macp::SharedSecret> secretFor(macp::MintAuth auth) {
        if (auth != macp::MintAuth::SharedSecret) return std::nullopt;
        return macp::SharedSecret::make(base::Secret::fromText("correct-horse-battery")).value();
    }
    void failed(const oauth::AuthFailure& failure) {
        reasons.push_back(failure.reason);
        (void)failures.record(failure);
    }

    using Fields = std::vector<std::pair<std::string, std::string>>;
    /// The answer, once there is one.
    std::shared_ptr<std::optional<http::Response>> ask(http::Method method, const std::string& path, const std::string& body = {},
                                                       const Fields& fields = {}) {
        http::Request request;
        request.method = method;
        request.methodText = http::nameOf(method);
        request.target = request.path = path;
        request.headers.add("Content-Type", "application/json");
        for (const auto& [name, value] : fields) request.headers.add(name, value);
        request.body = body;
        request.peer.address = address;
        request.receivedAt = oauth.clock.mono();
        auto answer = std::make_shared<std::optional<http::Response>>();
        front->handle(std::move(request), [answer](http::Response&& response) { *answer = std::move(response); });
        return answer;
    }
    auto mintOne(const Fields& fields = {}) { return ask(http::Method::Post, "/tokens", R"({"sender":"a"})", fields); }

    tests::OauthHouse oauth;
    SilentLog log;
    observe::Metrics metrics;
    HeldLedger ledger;
    tests::FakeRateLimiter limiter{oauth.clock};
    std::unique_ptr<tests::FakeStorage> storage = tests::FakeStorage::migrated(oauth.clock);
    ClientBudgets budgets{limiter, *storage, oauth.clock, {}};
    agentidp::oauth::AuthFailures failures;
    agentidp::oauth::BearerAuth bearer{oauth.verifier};
    base::ThreadPool pool{"mint", 1, 4};
    const Workplaces workplaces{pool, pool, pool, [] { return Place::Loop; }};
    macp::Mint mint{{"macp-auth-service", "macp-runtime"}, oauth.signer};
    macp::Gate gate;
    MintHandler handler;
    Endpoints endpoints;
    std::unique_ptr<Front> front;
    std::string address = "192.0.2.7";
    std::vector<std::string> reasons;
};

}  // namespace

class MintHandlerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MintHandlerTest);
    CPPUNIT_TEST(answersOnlyWhatIsDurable);
    CPPUNIT_TEST(says503WhereTheLedgerFails);
    CPPUNIT_TEST(says503WhereNoKeyMaySign);
    CPPUNIT_TEST(countsEachCallersMinute);
    CPPUNIT_TEST(deniesWhereTheLimiterIsDown);
    CPPUNIT_TEST(turnsGuessersAway);
    CPPUNIT_TEST(refusesTwoAuthorizations);
    CPPUNIT_TEST(wordsRefusalsOfTheListener);
    CPPUNIT_TEST(hasNoOtherMethods);
    CPPUNIT_TEST_SUITE_END();

    using Answer = std::shared_ptr<std::optional<http::Response>>;
    static void said(int status, std::string_view body, const Answer& answer) {
        CPPUNIT_ASSERT(answer->has_value());
        CPPUNIT_ASSERT_EQUAL(status, (*answer)->status);
        if (!body.empty()) CPPUNIT_ASSERT_EQUAL(std::string(body), (*answer)->body);
        CPPUNIT_ASSERT_EQUAL(std::string("application/json; charset=utf-8"), *(*answer)->headers.find("Content-Type"));
    }

public:
    void answersOnlyWhatIsDurable() {
        MintHouse house(macp::MintAuth::None);
        const auto answer = house.mintOne();
        CPPUNIT_ASSERT(!answer->has_value());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, house.ledger.events.size());
        house.ledger.release(audit::Committed{});
        said(200, "", answer);
        CPPUNIT_ASSERT_EQUAL(std::string("a"), base::json::parse((*answer)->body)->textOr("sender", ""));
        CPPUNIT_ASSERT(house.metrics.text().find("agentidp_macp_tokens_minted_total{auth=\"none\"} 1") != std::string::npos);
    }

    void says503WhereTheLedgerFails() {
        MintHouse house(macp::MintAuth::None);
        const auto answer = house.mintOne();
        house.ledger.release(base::fail(base::Errc::Unavailable, "", "disk full"));
        said(503, R"({"error":"temporarily unavailable"})", answer);
        CPPUNIT_ASSERT((*answer)->headers.find("Retry-After") != nullptr);
        CPPUNIT_ASSERT(house.metrics.text().find("agentidp_macp_tokens_minted_total{auth=\"none\"} 0") != std::string::npos);
    }

    void says503WhereNoKeyMaySign() {
        MintHouse house(macp::MintAuth::None);
        house.oauth.signer.failure = base::fail(base::Errc::Unavailable, "the rollback alarm is on");
        said(503, R"({"error":"temporarily unavailable"})", house.mintOne());
        said(503, R"({"error":"temporarily unavailable"})", house.ask(http::Method::Get, "/healthz"));
        CPPUNIT_ASSERT(house.ledger.events.empty());
    }

    void countsEachCallersMinute() {
        MintHouse house(macp::MintAuth::None, {{}, 2});
        for (int i = 0; i < 2; ++i) house.mintOne();
        const auto refused = house.mintOne();
        said(429, R"({"error":"too many requests"})", refused);
        CPPUNIT_ASSERT((*refused)->headers.find("Retry-After") != nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string("0"), *(*refused)->headers.find("X-RateLimit-Remaining"));
        house.address = "192.0.2.8";
        CPPUNIT_ASSERT(!house.mintOne()->has_value());
        house.handler.configure({{}, 0});
        house.address = "192.0.2.7";
        CPPUNIT_ASSERT(!house.mintOne()->has_value());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, house.ledger.events.size());
    }

    void deniesWhereTheLimiterIsDown() {
        MintHouse house(macp::MintAuth::None, {{}, 2});
        house.limiter.breakWith(base::fail(base::Errc::Unavailable, "", "gone"));
        said(503, R"({"error":"temporarily unavailable"})", house.mintOne());
        CPPUNIT_ASSERT(house.ledger.events.empty());
    }

    void turnsGuessersAway() {
        MintHouse house(macp::MintAuth::SharedSecret);
        house.failures.configure({10, 3, 100});
        for (int i = 0; i < 3; ++i) said(401, R"({"error":"unauthorized"})", house.mintOne({{"Authorization", "Bearer guess"}}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, house.reasons.size());
        said(429, R"({"error":"too many requests"})", house.mintOne({{"Authorization", "Bearer correct-horse-battery"}}));
        house.address = "192.0.2.8";
        CPPUNIT_ASSERT(!house.mintOne({{"Authorization", "Bearer correct-horse-battery"}})->has_value());
        // An open mint has nothing to guess.
        MintHouse open(macp::MintAuth::None);
        open.failures.configure({10, 0, 100});
        CPPUNIT_ASSERT(!open.mintOne()->has_value());
    }

    void refusesTwoAuthorizations() {
        MintHouse house(macp::MintAuth::SharedSecret);
        said(400, R"({"error":"more than one Authorization field"})",
             house.mintOne({{"Authorization", "Bearer correct-horse-battery"}, {"Authorization", "Bearer x"}}));
    }

    void wordsRefusalsOfTheListener() {
        const auto large = Front::wordRefusal(413, "the body is too large", Voice::Mint);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"error":"request body too large"})"), large.body);
        CPPUNIT_ASSERT(large.close);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"error":"too slow"})"), Front::wordRefusal(408, "too slow", Voice::Mint).body);
        CPPUNIT_ASSERT_EQUAL(std::string("application/problem+json"),
                             *Front::wordRefusal(413, "the body is too large", Voice::Api).headers.find("Content-Type"));
    }

    void hasNoOtherMethods() {
        MintHouse house(macp::MintAuth::None);
        for (const auto method : {http::Method::Get, http::Method::Head, http::Method::Put, http::Method::Options, http::Method::Other})
            said(404, R"({"error":"not found"})", house.ask(method, "/Tokens/", R"({"sender":"a"})"));
        said(200, R"({"ok":true})", house.ask(http::Method::Get, "/HEALTHZ/"));
        CPPUNIT_ASSERT(house.ledger.events.empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MintHandlerTest);

}  // namespace agentidp::server
