#include "ratelimit/budgets.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <thread>
#include <vector>

namespace agentidp::ratelimit {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kNoon = 1'790'000'040 * kSecond / kMinute * kMinute;  // the start of a minute

class BudgetsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BudgetsTest);
    CPPUNIT_TEST(holdsNoMoreThanItsBound);
    CPPUNIT_TEST(dropsWhatIsOverBeforeWhatCounts);
    CPPUNIT_TEST(keepsSpentBudgetsWhenStrangersFlood);
    CPPUNIT_TEST(givesTheLeastSpentAwayWhenAllAreSpent);
    CPPUNIT_TEST(keepsTwoWindowsOfOneKeyApart);
    CPPUNIT_TEST(beginsAnewWhenAPeriodIsOver);
    CPPUNIT_TEST(keepsTheSumWhenAPeriodIsMoved);
    CPPUNIT_TEST(survivesTheLargestNumbers);
    CPPUNIT_TEST(losesNothingWhileItMakesRoom);
    CPPUNIT_TEST(readsClocksThatCrossed);
    CPPUNIT_TEST_SUITE_END();

    static std::string name(const char* prefix, int number) { return prefix + std::to_string(number); }

    void holdsNoMoreThanItsBound() {
        Budgets budgets(6'400, {1, 2});
        for (int i = 0; i < 50'000; ++i) {
            CPPUNIT_ASSERT(budgets.take(name("a", i), 10, kMinute, 1, kNoon).allowed);
            budgets.count(name("a", i), 10, kNoon + kMinute, 1, kNoon);
        }
        const auto size = budgets.size();
        CPPUNIT_ASSERT(size.windows <= 6'400 && size.windows > 6'000);
        CPPUNIT_ASSERT(size.counters <= 6'400 && size.counters > 6'000);
        CPPUNIT_ASSERT(size.displaced > 80'000);
    }
    void dropsWhatIsOverBeforeWhatCounts() {
        Budgets budgets(6'400, {1, 2});
        for (int i = 0; i < 3'000; ++i) budgets.take(name("old", i), 10, kMinute, 1, kNoon);
        const auto later = kNoon + 3 * kMinute;
        for (int i = 0; i < 4'000; ++i) budgets.take(name("new", i), 10, kMinute, 1, later);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, budgets.size().displaced);
        for (int i = 0; i < 4'000; ++i)
            CPPUNIT_ASSERT_EQUAL(std::int64_t{8}, budgets.take(name("new", i), 10, kMinute, 1, later).remaining);
    }
    void keepsSpentBudgetsWhenStrangersFlood() {
        Budgets budgets(6'400, {3, 4});
        for (int i = 0; i < 1'000; ++i) {
            budgets.take(name("known", i), 10, kMinute, 6, kNoon);
            budgets.count(name("known", i), 10, kNoon + kMinute, 11, kNoon);
        }
        for (int i = 0; i < 100'000; ++i) {
            budgets.take(name("stranger", i), 10, kMinute, 1, kNoon);
            budgets.count(name("stranger", i), 10, kNoon + kMinute, 1, kNoon);
        }
        for (int i = 0; i < 1'000; ++i) {
            CPPUNIT_ASSERT(!budgets.take(name("known", i), 10, kMinute, 5, kNoon).allowed);
            CPPUNIT_ASSERT(!budgets.count(name("known", i), 10, kNoon + kMinute, 0, kNoon).allowed);
        }
    }
    void givesTheLeastSpentAwayWhenAllAreSpent() {
        Budgets budgets(6'400, {5, 6});
        for (int i = 0; i < 3'200; ++i) budgets.take(name("full", i), 10, kMinute, 10, kNoon);
        for (int i = 0; i < 20'000; ++i) CPPUNIT_ASSERT(budgets.take(name("half", i), 10, kMinute, 6, kNoon).allowed);
        int kept = 0;
        for (int i = 0; i < 3'200; ++i)
            if (!budgets.take(name("full", i), 10, kMinute, 1, kNoon).allowed) ++kept;
        CPPUNIT_ASSERT(kept > 3'100);
    }
    void keepsTwoWindowsOfOneKeyApart() {
        Budgets budgets(6'400, {1, 2});
        CPPUNIT_ASSERT(budgets.take("k", 1, kMinute, 1, kNoon).allowed);
        CPPUNIT_ASSERT(budgets.take("k", 1, kSecond, 1, kNoon).allowed);
        CPPUNIT_ASSERT(!budgets.take("k", 1, kMinute, 1, kNoon + 2 * kSecond).allowed);
        CPPUNIT_ASSERT(budgets.take("k", 1, kSecond, 1, kNoon + 2 * kSecond).allowed);
    }
    void beginsAnewWhenAPeriodIsOver() {
        Budgets budgets(6'400, {1, 2});
        CPPUNIT_ASSERT_EQUAL(std::int64_t{4}, budgets.count("k", 10, kNoon + kMinute, 6, kNoon).remaining);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{9}, budgets.count("k", 10, kNoon + 2 * kMinute, 1, kNoon + kMinute).remaining);
    }
    void keepsTheSumWhenAPeriodIsMoved() {
        Budgets budgets(6'400, {1, 2});
        budgets.count("k", 10, kNoon + kMinute, 6, kNoon);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, budgets.count("k", 10, kNoon + 2 * kMinute, 1, kNoon).remaining);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, budgets.count("k", 10, kNoon + kMinute, 1, kNoon).remaining);
    }
    void survivesTheLargestNumbers() {
        Budgets budgets(6'400, {1, 2});
        const auto most = INT64_MAX;
        CPPUNIT_ASSERT(budgets.take("k", most, most, 1'000, kNoon).allowed);
        CPPUNIT_ASSERT(budgets.take("k", most, 1, 1'000, kNoon).allowed);
        CPPUNIT_ASSERT(!budgets.count("k", most, most, most, kNoon).allowed || budgets.count("k", most, most, most, kNoon).remaining >= 0);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, budgets.count("k", 5, most, most, kNoon).remaining);
        WindowEntry entry;
        entry.window = kMinute;
        entry.index = kNoon / kMinute;
        entry.previous = std::int64_t{1} << 59U;
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1} << 58U, entry.weighted(kNoon + kMinute / 2));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, [&] {
            entry.previous = 1;
            return entry.weighted(kNoon + kMinute - 1);
        }());
    }
    void losesNothingWhileItMakesRoom() {
        Budgets budgets(6'400, {7, 8});
        std::vector<std::thread> threads;
        std::vector<std::int64_t> granted(8);
        for (std::size_t t = 0; t < granted.size(); ++t)
            threads.emplace_back([&budgets, &granted, t] {
                for (int i = 0; i < 20'000; ++i) {
                    budgets.take(name(t % 2 == 0 ? "x" : "y", i * 8 + static_cast<int>(t)), 1'000, kMinute, 1, kNoon);
                    if (i % 4 == 0 && budgets.take("hot", 3'000, kMinute, 1, kNoon).allowed) ++granted[t];
                }
            });
        for (auto& thread : threads) thread.join();
        std::int64_t sum = 0;
        for (const auto each : granted) sum += each;
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3'000}, sum);
    }
    void readsClocksThatCrossed() {
        Budgets budgets(6'400, {1, 2});
        CPPUNIT_ASSERT(budgets.take("k", 2, kMinute, 2, kNoon).allowed);
        CPPUNIT_ASSERT(!budgets.take("k", 2, kMinute, 1, kNoon - 1).allowed);
        CPPUNIT_ASSERT(!budgets.take("k", 2, kMinute, 1, kNoon - 10 * kMinute).allowed);
        CPPUNIT_ASSERT(!budgets.take("k", 2, kMinute, 1, kNoon).allowed);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BudgetsTest);

}  // namespace
}  // namespace agentidp::ratelimit
