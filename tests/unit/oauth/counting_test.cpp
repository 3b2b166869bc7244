/// What keeps strangers and busy resource servers from filling the ledger.
#include <cppunit/extensions/HelperMacros.h>

#include <thread>

#include "base/json.h"
#include "fakes/fake_clock.h"
#include "oauth/auth_failures.h"
#include "oauth/introspection_tally.h"

namespace agentidp::oauth {

class CountingTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CountingTest);
    CPPUNIT_TEST(tellsTenFailuresOfASourceAndSumsTheRest);
    CPPUNIT_TEST(turnsAnAddressAwayAfterThreeHundredFailures);
    CPPUNIT_TEST(countsAnIpv6NetworkAsOneAddress);
    CPPUNIT_TEST(staysBoundedUnderManySources);
    CPPUNIT_TEST(row61WritesNothingUnprintableOfWhatWasClaimed);
    CPPUNIT_TEST(keepsCountingWhenTheClockIsPutBack);
    CPPUNIT_TEST(sumsIntrospectionsPerCallerAndMinute);
    CPPUNIT_TEST(tellsEachIntrospectionOrNone);
    CPPUNIT_TEST(staysBoundedUnderManyCallers);
    CPPUNIT_TEST(countsFromManyThreads);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock;

    model::Origin from(std::string ip) const { return {"request", std::move(ip), "agent/1", clock.now()}; }
    static base::json::Value metadataOf(const model::AuditEvent& event) { return base::json::parse(event.metadataJson).value(); }
    void startOfMinute() {
        const auto into = clock.now() - std::chrono::floor<std::chrono::minutes>(clock.now());
        clock.advance(base::seconds(60) - into);
    }

public:
    void tellsTenFailuresOfASourceAndSumsTheRest() {
        startOfMinute();
        AuthFailures failures;
        const auto origin = from("192.0.2.1");
        int told = 0;
        for (int i = 0; i < 25; ++i)
            if (const auto event = failures.record({"client-a", i % 2 == 0 ? "wrong_secret" : "malformed", nullptr, origin})) {
                ++told;
                CPPUNIT_ASSERT(event->action == model::Action::AuthFailed);
                CPPUNIT_ASSERT(event->outcome == model::Outcome::Failure);
                CPPUNIT_ASSERT_EQUAL(std::string("client-a"), metadataOf(*event).textOr("clientId", ""));
            }
        CPPUNIT_ASSERT_EQUAL(10, told);
        CPPUNIT_ASSERT(failures.record({"client-b", "wrong_secret", nullptr, origin}).has_value());
        CPPUNIT_ASSERT(failures.sweep(clock.now()).empty());
        clock.advance(base::seconds(60));
        const auto sums = failures.sweep(clock.now());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, sums.size());
        const auto metadata = metadataOf(sums[0]);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{15}, metadata.intOr("count", 0));
        CPPUNIT_ASSERT_EQUAL(std::string("malformed=7,wrong_secret=8"), metadata.textOr("reasons", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1"), sums[0].ip);
        CPPUNIT_ASSERT(failures.sweep(clock.now()).empty());
        const auto later = from("192.0.2.1");
        CPPUNIT_ASSERT(failures.record({"client-a", "wrong_secret", nullptr, later}).has_value());
    }

    void turnsAnAddressAwayAfterThreeHundredFailures() {
        startOfMinute();
        AuthFailures failures;
        const auto origin = from("192.0.2.1");
        for (int i = 0; i < 299; ++i) (void)failures.record({"c" + std::to_string(i), "unknown_client", nullptr, origin});
        CPPUNIT_ASSERT(!failures.blockedFor("192.0.2.1", clock.now()));
        (void)failures.record({"x", "unknown_client", nullptr, origin});
        CPPUNIT_ASSERT(failures.blockedFor("192.0.2.1", clock.now()).value() == base::seconds(60));
        CPPUNIT_ASSERT(failures.blockedFor("::ffff:192.0.2.1", clock.now()).has_value());
        CPPUNIT_ASSERT(!failures.blockedFor("192.0.2.2", clock.now()));
        clock.advance(base::seconds(60));
        CPPUNIT_ASSERT(!failures.blockedFor("192.0.2.1", clock.now()));
    }

    void countsAnIpv6NetworkAsOneAddress() {
        CPPUNIT_ASSERT_EQUAL(addressKey("2001:db8:1:2::1"), addressKey("2001:DB8:1:2:ffff::9"));
        CPPUNIT_ASSERT(addressKey("2001:db8:1:2::1") != addressKey("2001:db8:1:3::1"));
        CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1"), addressKey("192.0.2.1"));
        CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1"), addressKey("::ffff:192.0.2.1"));
        CPPUNIT_ASSERT_EQUAL(std::string("not an address"), addressKey("not an address"));
    }

    void staysBoundedUnderManySources() {
        startOfMinute();
        AuthFailures failures({10, 5, 100});
        int told = 0;
        for (int i = 0; i < 5000; ++i) {
            const auto origin = from("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
            told += failures.record({"c", "unknown_client", nullptr, origin}) ? 1 : 0;
        }
        CPPUNIT_ASSERT_EQUAL(100, told);
        // Nobody is locked out because strangers filled the table.
        CPPUNIT_ASSERT(!failures.blockedFor("10.0.19.200", clock.now()));
        clock.advance(base::seconds(60));
        const auto sums = failures.sweep(clock.now());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, sums.size());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{4900}, metadataOf(sums[0]).intOr("count", 0));
        CPPUNIT_ASSERT(sums[0].ip.empty());
    }

    void row61WritesNothingUnprintableOfWhatWasClaimed() {
        AuthFailures failures;
        const auto origin = from("192.0.2.1");
        const auto event = failures.record({"a\r\n\x1b[31m\xE2\x80\xA8\xFF" + std::string(100, 'z'), "malformed", nullptr, origin});
        const auto claimed = metadataOf(*event).textOr("clientId", "");
        CPPUNIT_ASSERT_EQUAL(std::size_t{64}, claimed.size());
        CPPUNIT_ASSERT(claimed.starts_with("a???[31m????zzz"));
    }

    void keepsCountingWhenTheClockIsPutBack() {
        AuthFailures failures({1, 2, 100});
        auto origin = from("192.0.2.1");
        (void)failures.record({"c", "malformed", nullptr, origin});
        (void)failures.record({"c", "malformed", nullptr, origin});
        CPPUNIT_ASSERT(failures.blockedFor("192.0.2.1", clock.now()).has_value());
        clock.stepWall(-base::seconds(3600));
        CPPUNIT_ASSERT(!failures.blockedFor("192.0.2.1", clock.now()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, failures.sweep(clock.now()).size());
        origin = from("192.0.2.1");
        CPPUNIT_ASSERT(failures.record({"c", "malformed", nullptr, origin}).has_value());
    }

    void sumsIntrospectionsPerCallerAndMinute() {
        startOfMinute();
        IntrospectionTally tally(IntrospectionAudit::Aggregate);
        model::Caller one;
        one.agentId = model::AgentId("one");
        one.agentNum = 1;
        model::Caller two;
        two.agentId = model::AgentId("two");
        two.agentNum = 2;
        for (int i = 0; i < 5; ++i) CPPUNIT_ASSERT(!tally.record(one, i < 3 ? "jti" : "", from("192.0.2.1")));
        CPPUNIT_ASSERT(!tally.record(two, "", from("192.0.2.1")));
        CPPUNIT_ASSERT(tally.sweep(clock.now()).empty());
        clock.advance(base::seconds(60));
        auto sums = tally.sweep(clock.now());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, sums.size());
        const auto& sum = sums[0].agentNum == 1 ? sums[0] : sums[1];
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, metadataOf(sum).intOr("active", 0));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, metadataOf(sum).intOr("inactive", 0));
        CPPUNIT_ASSERT_EQUAL(std::string("one"), sum.agentId.str());
        CPPUNIT_ASSERT(tally.sweep(clock.now()).empty());
    }

    void tellsEachIntrospectionOrNone() {
        IntrospectionTally tally(IntrospectionAudit::Each);
        model::Caller caller;
        caller.agentNum = 1;
        const auto event = tally.record(caller, "jti-1", from("192.0.2.1"));
        CPPUNIT_ASSERT_EQUAL(std::string("jti-1"), event->jti);
        tally.configure(IntrospectionAudit::Off);
        CPPUNIT_ASSERT(!tally.record(caller, "jti-1", from("192.0.2.1")));
        clock.advance(base::seconds(60));
        CPPUNIT_ASSERT(tally.sweep(clock.now()).empty());
    }

    void staysBoundedUnderManyCallers() {
        startOfMinute();
        IntrospectionTally tally(IntrospectionAudit::Aggregate, 10);
        for (int i = 1; i <= 100; ++i) {
            model::Caller caller;
            caller.agentNum = i;
            (void)tally.record(caller, "", from("192.0.2.1"));
        }
        clock.advance(base::seconds(60));
        const auto sums = tally.sweep(clock.now());
        CPPUNIT_ASSERT_EQUAL(std::size_t{11}, sums.size());
        std::int64_t total = 0;
        for (const auto& sum : sums) total += metadataOf(sum).intOr("inactive", 0);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{100}, total);
    }

    void countsFromManyThreads() {
        startOfMinute();
        AuthFailures failures;
        std::vector<std::thread> threads;
        std::atomic<int> told = 0;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                const auto origin = from("192.0.2.1");
                for (int i = 0; i < 500; ++i) {
                    told += failures.record({"c", "malformed", nullptr, origin}) ? 1 : 0;
                    (void)failures.blockedFor("192.0.2.1", clock.now());
                }
            });
        for (auto& thread : threads) thread.join();
        CPPUNIT_ASSERT_EQUAL(10, told.load());
        clock.advance(base::seconds(60));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1990}, metadataOf(failures.sweep(clock.now()).at(0)).intOr("count", 0));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CountingTest);

}  // namespace agentidp::oauth
