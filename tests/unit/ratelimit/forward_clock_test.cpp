#include "ratelimit/forward_clock.h"

#include <cppunit/extensions/HelperMacros.h>

namespace agentidp::ratelimit {
namespace {

class ForwardClockTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ForwardClockTest);
    CPPUNIT_TEST(followsTheWallClockForward);
    CPPUNIT_TEST(goesOnWhileTheWallClockIsBehind);
    CPPUNIT_TEST(joinsTheWallClockWhenItHasCaughtUp);
    CPPUNIT_TEST_SUITE_END();

    static constexpr std::uint64_t ns(std::int64_t us) { return static_cast<std::uint64_t>(us) * 1'000; }

    void followsTheWallClockForward() {
        ForwardClock clock;
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1'000'000}, clock.read(1'000'000, ns(10)).us);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1'000'005}, clock.read(1'000'005, ns(15)).us);
        const auto jumped = clock.read(9'000'000, ns(16));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{9'000'000}, jumped.us);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, jumped.behind);
    }
    void goesOnWhileTheWallClockIsBehind() {
        ForwardClock clock;
        (void)clock.read(1'000'000, ns(10));
        const auto back = clock.read(400'000, ns(20));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1'000'010}, back.us);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{600'010}, back.behind);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1'000'110}, clock.read(400'100, ns(120)).us);
    }
    void joinsTheWallClockWhenItHasCaughtUp() {
        ForwardClock clock;
        (void)clock.read(1'000'000, ns(10));
        (void)clock.read(400'000, ns(20));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1'000'050}, clock.read(1'000'050, ns(60)).us);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1'000'070}, clock.read(1'000'070, ns(61)).us);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ForwardClockTest);

}  // namespace
}  // namespace agentidp::ratelimit
