/// A bounded pool: what is taken is run, what does not fit is refused at once.
#include "base/thread_pool.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <future>
#include <memory>

namespace agentidp::base {

class ThreadPoolTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ThreadPoolTest);
    CPPUNIT_TEST(runsWhatItTakes);
    CPPUNIT_TEST(refusesWhatDoesNotFit);
    CPPUNIT_TEST(runsWhatIsQueuedBeforeItStops);
    CPPUNIT_TEST(refusesAfterStop);
    CPPUNIT_TEST(runsOnSeveralThreads);
    CPPUNIT_TEST(takesWorkFromItsOwnTasks);
    CPPUNIT_TEST(destroysTasksItHasRun);
    CPPUNIT_TEST(lanesTakeTurns);
    CPPUNIT_TEST(aLaneLeavesRoomForOthers);
    CPPUNIT_TEST(aLaneLeavesThreadsForOthers);
    CPPUNIT_TEST_SUITE_END();

public:
    void runsWhatItTakes() {
        std::atomic<int> ran{0};
        {
            ThreadPool pool("test", 4, 1000);
            for (int i = 0; i < 1000; ++i) CPPUNIT_ASSERT(pool.post([&ran] { ++ran; }));
        }
        CPPUNIT_ASSERT_EQUAL(1000, ran.load());
    }

    void refusesWhatDoesNotFit() {
        ThreadPool pool("test", 1, 2);
        std::promise<void> started;
        std::promise<void> release;
        CPPUNIT_ASSERT(pool.post([&] {
            started.set_value();
            release.get_future().wait();
        }));
        started.get_future().wait();
        std::atomic<int> ran{0};
        CPPUNIT_ASSERT(pool.post([&] { ++ran; }));
        CPPUNIT_ASSERT(pool.post([&] { ++ran; }));
        CPPUNIT_ASSERT(!pool.post([&] { ran += 100; }));
        release.set_value();
        pool.stop();
        CPPUNIT_ASSERT_EQUAL(2, ran.load());
    }

    void runsWhatIsQueuedBeforeItStops() {
        std::atomic<int> ran{0};
        ThreadPool pool("test", 1, 100);
        std::promise<void> release;
        auto gate = release.get_future().share();
        CPPUNIT_ASSERT(pool.post([gate] { gate.wait(); }));
        for (int i = 0; i < 50; ++i) CPPUNIT_ASSERT(pool.post([&ran] { ++ran; }));
        release.set_value();
        pool.stop();
        CPPUNIT_ASSERT_EQUAL(50, ran.load());
    }

    void refusesAfterStop() {
        ThreadPool pool("a name longer than fifteen", 2, 10);
        pool.stop();
        pool.stop();
        CPPUNIT_ASSERT(!pool.post([] {}));
    }

    void runsOnSeveralThreads() {
        ThreadPool pool("test", 3, 10);
        std::promise<void> met;
        std::atomic<int> waiting{0};
        auto all = met.get_future().share();
        std::atomic<int> done{0};
        for (int i = 0; i < 3; ++i)
            CPPUNIT_ASSERT(pool.post([&] {
                if (++waiting == 3) met.set_value();  // reached only if all three run at once
                all.wait();
                ++done;
            }));
        pool.stop();
        CPPUNIT_ASSERT_EQUAL(3, done.load());
    }

    void takesWorkFromItsOwnTasks() {
        ThreadPool pool("test", 1, 10);
        std::promise<bool> inner;
        CPPUNIT_ASSERT(pool.post([&] {
            if (!pool.post([&] { inner.set_value(true); })) inner.set_value(false);
        }));
        CPPUNIT_ASSERT(inner.get_future().get());
    }

    void lanesTakeTurns() {
        ThreadPool pool("test", 1, 100);
        std::promise<void> release;
        auto gate = release.get_future().share();
        CPPUNIT_ASSERT(pool.post([gate] { gate.wait(); }));
        std::string order;
        for (const char party : {'a', 'a', 'a', 'b', 'b', 'c'})
            CPPUNIT_ASSERT(pool.post([&order, party] { order += party; }, static_cast<ThreadPool::Lane>(party)));
        release.set_value();
        pool.stop();
        CPPUNIT_ASSERT_EQUAL(std::string("abcaba"), order);
    }

    void aLaneLeavesRoomForOthers() {
        ThreadPool pool("test", 1, 100);
        std::promise<void> started, release;
        auto gate = release.get_future().share();
        CPPUNIT_ASSERT(pool.post([&started, gate] {
            started.set_value();
            gate.wait();
        }));
        started.get_future().wait();
        const auto takes = [&](ThreadPool::Lane lane) {
            int taken = 0;
            while (pool.post([] {}, lane)) ++taken;
            return taken;
        };
        CPPUNIT_ASSERT_EQUAL(50, takes(1));
        CPPUNIT_ASSERT_EQUAL(25, takes(2));
        CPPUNIT_ASSERT_EQUAL(13, takes(3));
        release.set_value();
    }

    void aLaneLeavesThreadsForOthers() {
        ThreadPool pool("test", 5, 100);
        std::promise<void> release, others;
        auto gate = release.get_future().share();
        for (int i = 0; i < 20; ++i) CPPUNIT_ASSERT(pool.post([gate] { gate.wait(); }, 1));
        CPPUNIT_ASSERT(pool.post([&others] { others.set_value(); }, 2));
        others.get_future().wait();
        release.set_value();
    }

    void destroysTasksItHasRun() {
        const auto held = std::make_shared<int>(1);
        ThreadPool pool("test", 1, 10);
        CPPUNIT_ASSERT(pool.post([held] { ++*held; }));
        pool.stop();
        CPPUNIT_ASSERT_EQUAL(2, *held);
        CPPUNIT_ASSERT_EQUAL(1L, held.use_count());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ThreadPoolTest);

}  // namespace agentidp::base
