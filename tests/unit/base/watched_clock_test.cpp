#include "base/watched_clock.h"

#include <cppunit/extensions/HelperMacros.h>

#include "fakes/fake_clock.h"

using agentidp::base::WatchedClock;
using agentidp::tests::FakeClock;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class WatchedClockTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(WatchedClockTest);
    CPPUNIT_TEST(tellsTheWallClock);
    CPPUNIT_TEST(followsASmallCorrectionButNeverBackwards);
    CPPUNIT_TEST(aStepIsSeenAtTheVeryNextLook);
    CPPUNIT_TEST(aClockThatStandsStillIsSeenAfterFiveSeconds);
    CPPUNIT_TEST(isBelievedAgainWhenStorageAgrees);
    CPPUNIT_TEST(aDifferenceFromStorageAloneIsEnough);
    CPPUNIT_TEST(doesNotGoBackEvenWithAStorageThatDoes);
    CPPUNIT_TEST_SUITE_END();

    FakeClock source_;

    void tellsTheWallClock() {
        const WatchedClock clock(source_);
        source_.advance(hours(3));
        CPPUNIT_ASSERT(clock.now() == source_.now());
        CPPUNIT_ASSERT(!clock.stepped());
    }

    void followsASmallCorrectionButNeverBackwards() {
        const WatchedClock clock(source_);
        source_.stepWall(seconds(4));
        const auto ahead = clock.now();
        CPPUNIT_ASSERT(ahead == source_.now());
        source_.stepWall(-seconds(4));
        CPPUNIT_ASSERT(clock.now() == ahead);
        source_.advance(seconds(5));
        CPPUNIT_ASSERT(clock.now() == source_.now());
        CPPUNIT_ASSERT(!clock.stepped());
    }

    void aStepIsSeenAtTheVeryNextLook() {
        for (const auto by : {hours(1), hours(-1)}) {
            const WatchedClock clock(source_);
            const auto before = source_.now();
            source_.stepWall(by);
            source_.advance(milliseconds(10));
            CPPUNIT_ASSERT(clock.now() == before + milliseconds(10));
            CPPUNIT_ASSERT(clock.stepped());
            source_.advance(seconds(20));
            CPPUNIT_ASSERT(clock.now() == before + milliseconds(20'010));
        }
    }

    void aClockThatStandsStillIsSeenAfterFiveSeconds() {
        const WatchedClock clock(source_);
        const auto before = source_.now();
        for (int i = 0; i < 5; ++i) {
            source_.advance(seconds(1));
            source_.stepWall(-seconds(1));
            CPPUNIT_ASSERT(clock.now() == before);
        }
        CPPUNIT_ASSERT(!clock.stepped());
        source_.advance(seconds(1));
        source_.stepWall(-seconds(1));
        CPPUNIT_ASSERT(clock.now() == before + seconds(6));
        CPPUNIT_ASSERT(clock.stepped());
    }

    void isBelievedAgainWhenStorageAgrees() {
        WatchedClock clock(source_);
        const auto storage = source_.now();
        source_.stepWall(hours(1));
        (void)clock.now();
        clock.compare(storage);
        CPPUNIT_ASSERT(clock.stepped());
        source_.stepWall(-hours(1));
        clock.compare(storage);
        CPPUNIT_ASSERT(!clock.stepped());
        CPPUNIT_ASSERT(clock.now() == source_.now());
    }

    void aDifferenceFromStorageAloneIsEnough() {
        WatchedClock clock(source_);
        clock.compare(source_.now() + seconds(5));
        CPPUNIT_ASSERT(!clock.stepped());
        clock.compare(source_.now() + milliseconds(5'001));
        CPPUNIT_ASSERT(clock.stepped());
    }

    void doesNotGoBackEvenWithAStorageThatDoes() {
        WatchedClock clock(source_);
        const auto before = clock.now();
        source_.stepWall(-hours(1));
        clock.compare(source_.now());
        CPPUNIT_ASSERT(clock.stepped());
        CPPUNIT_ASSERT(clock.now() >= before);
        source_.stepWall(hours(1));
        clock.compare(source_.now());
        CPPUNIT_ASSERT(!clock.stepped());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(WatchedClockTest);
