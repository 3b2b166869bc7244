#include "plugin/contract/ratelimit_contract.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <thread>

namespace agentidp::plugin::contract {
namespace {

using base::Errc;
using base::microseconds;
using base::Result;
using Saw = std::optional<std::string>;
using Subject = RateLimiterSubject;

constexpr microseconds kMinute{60'000'000};

Call callOf(const Subject& subject) { return callWithin(*subject.clock, base::seconds(10), "contract"); }

Result<Budget> take(const Subject& subject, const std::string& key, std::int64_t limit, std::int64_t cost = 1,
                    microseconds window = kMinute) {
    return subject.limiter->take(subject.keyPrefix + key, limit, window, cost, callOf(subject));
}

Result<Budget> count(const Subject& subject, const std::string& key, std::int64_t limit, base::Instant end, std::int64_t cost) {
    return subject.limiter->count(subject.keyPrefix + key, limit, end, cost, callOf(subject));
}

std::string said(const base::Error& error) {
    return "error " + std::to_string(static_cast<int>(error.code)) + ": " + error.hint + " " + error.detail;
}

std::string shown(const Result<Budget>& answer) {
    if (!answer) return said(answer.error());
    return std::string(answer->allowed ? "allowed" : "denied") + ", remaining " + std::to_string(answer->remaining);
}

Saw unless(bool held, const std::string& what, const Result<Budget>& answer) {
    if (held) return std::nullopt;
    return what + ", saw " + shown(answer);
}

bool is(const Result<Budget>& answer, bool allowed, std::int64_t remaining) {
    return answer.ok() && answer->allowed == allowed && answer->remaining == remaining;
}

/// Moves time to the beginning of the next aligned window.
void toWindowStart(const Subject& subject, microseconds window) {
    const auto now = base::microsOf(subject.clock->now());
    subject.advance(microseconds(window.count() - now % window.count()));
}

Saw takesUpToTheLimitAndNotOneMore(Subject& subject) {
    toWindowStart(subject, kMinute);
    const auto end = subject.clock->now() + kMinute;
    subject.advance(microseconds(1'000));
    for (std::int64_t i = 1; i <= 100; ++i) {
        const auto answer = take(subject, "plain", 100);
        if (auto saw = unless(is(answer, true, 100 - i), "request " + std::to_string(i) + " of 100 should pass", answer)) return saw;
        if (answer->limit != 100 || answer->resetAt != end) return "limit or end of the window was not told right";
    }
    const auto over = take(subject, "plain", 100);
    return unless(is(over, false, 0), "request 101 of 100 should be denied with nothing remaining", over);
}

Saw takesAllOfACostOrNothing(Subject& subject) {
    toWindowStart(subject, kMinute);
    const std::pair<std::int64_t, std::pair<bool, std::int64_t>> steps[] = {
        {7, {true, 3}}, {4, {false, 3}}, {3, {true, 0}}, {1, {false, 0}}};
    for (const auto& [cost, wanted] : steps) {
        const auto answer = take(subject, "cost", 10, cost);
        if (auto saw = unless(is(answer, wanted.first, wanted.second), "cost " + std::to_string(cost) + " was answered wrongly", answer))
            return saw;
    }
    return std::nullopt;
}

Saw refusesCostsAndWindowsThatMeanNothing(Subject& subject) {
    for (const std::int64_t cost : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'001}}) {
        const auto answer = take(subject, "senseless", 5'000, cost);
        if (answer.ok() || answer.error().code != Errc::Invalid)
            return "cost " + std::to_string(cost) + ": wanted Invalid, saw " + shown(answer);
    }
    const auto window = take(subject, "senseless", 10, 1, microseconds(0));
    if (window.ok() || window.error().code != Errc::Invalid) return "window 0: wanted Invalid, saw " + shown(window);
    const auto negative = count(subject, "senseless", 10, subject.clock->now() + kMinute, -1);
    if (negative.ok() || negative.error().code != Errc::Invalid) return "count of -1: wanted Invalid, saw " + shown(negative);
    toWindowStart(subject, kMinute);
    const auto all = take(subject, "senseless", 1'000, 1'000);
    return unless(is(all, true, 0), "cost 1000 of 1000 should pass, and what was refused should have taken nothing", all);
}

Saw deniesAllWhereTheLimitIsZeroOrWasLowered(Subject& subject) {
    toWindowStart(subject, kMinute);
    const auto none = take(subject, "zero", 0);
    if (auto saw = unless(is(none, false, 0), "limit 0 should deny", none)) return saw;
    const auto much = take(subject, "lowered", 100, 50);
    if (auto saw = unless(is(much, true, 50), "50 of 100 should pass", much)) return saw;
    const auto lowered = take(subject, "lowered", 20);
    return unless(is(lowered, false, 0), "a limit lowered under what was taken should deny, remaining 0", lowered);
}

Saw keepsKeysApart(Subject& subject) {
    toWindowStart(subject, kMinute);
    const std::string names[] = {"a", "ab", std::string("a\0b", 3), std::string("a\0", 2), "a ", "A", "\xc3\xa4"};
    for (const auto& name : names) {
        const auto answer = take(subject, "apart:" + name, 1);
        if (auto saw = unless(is(answer, true, 0), "each key should have a budget of its own", answer)) return saw;
    }
    for (const auto& name : names) {
        const auto answer = take(subject, "apart:" + name, 1);
        if (auto saw = unless(is(answer, false, 0), "each key should be spent by now", answer)) return saw;
    }
    return std::nullopt;
}

/// The rule written as naively as it can be: every take is remembered, every answer is a sum over all of them.
class Model {
public:
    struct Answer {
        bool allowed;
        std::int64_t remaining;
    };
    Answer take(std::int64_t now, std::int64_t limit, std::int64_t window, std::int64_t cost) {
        const auto current = sum(now / window, window), previous = sum(now / window - 1, window);
        const auto left = window - now % window;
        const bool allowed = (current + cost) * window + previous * left <= limit * window;
        if (allowed) taken_.emplace_back(now, cost);
        const auto spare = limit * window - (current + (allowed ? cost : 0)) * window - previous * left;
        return {allowed, spare < 0 ? 0 : spare / window};
    }
    [[nodiscard]] std::int64_t sum(std::int64_t index, std::int64_t window) const {
        std::int64_t total = 0;
        for (const auto& [at, cost] : taken_)
            if (at / window == index) total += cost;
        return total;
    }

private:
    std::vector<std::pair<std::int64_t, std::int64_t>> taken_;
};

Saw followsTheNaiveModelOnRandomSchedules(Subject& subject) {
    const std::size_t steps = std::clamp<std::size_t>(subject.maxCalls / 100, 200, 2'000);
    for (unsigned seed = 1; seed <= 5; ++seed) {
        std::mt19937_64 random(seed);
        const auto pick = [&random](std::int64_t low, std::int64_t high) {
            return std::uniform_int_distribution<std::int64_t>(low, high)(random);
        };
        const microseconds window(pick(1, 90) * 1'000'000 + pick(0, 999));
        const auto limit = pick(1, 60);
        std::map<std::string, Model> models;
        for (std::size_t step = 0; step < steps; ++step) {
            if (pick(0, 2) == 0) subject.advance(microseconds(pick(1, pick(0, 9) == 0 ? 2 * window.count() : window.count() / 8)));
            const auto key = "model:" + std::to_string(seed) + ":" + std::to_string(pick(0, 3));
            const auto cost = pick(0, 3) == 0 ? pick(1, limit + 1) : 1;
            const auto now = base::microsOf(subject.clock->now());
            const auto wanted = models[key].take(now, limit, window.count(), cost);
            const auto answer = take(subject, key, limit, cost, window);
            const auto told = "seed " + std::to_string(seed) + " step " + std::to_string(step) + ": the model says " +
                              (wanted.allowed ? "allowed" : "denied") + ", remaining " + std::to_string(wanted.remaining);
            if (auto saw = unless(is(answer, wanted.allowed, wanted.remaining), told, answer)) return saw;
            if (models[key].sum(now / window.count(), window.count()) > limit) return "more than the limit in one aligned window: " + told;
        }
    }
    return std::nullopt;
}

Saw weighsThePreviousWindowByWhatIsLeft(Subject& subject) {
    toWindowStart(subject, kMinute);
    if (const auto all = take(subject, "weights", 100, 100); !is(all, true, 0)) return "100 of 100 should pass, saw " + shown(all);
    toWindowStart(subject, kMinute);
    const auto start = take(subject, "weights", 100);
    if (auto saw = unless(is(start, false, 0), "at the start of a window all of the previous one should count", start)) return saw;
    subject.advance(kMinute / 4);
    const auto quarter = take(subject, "weights", 100, 25);
    if (auto saw = unless(is(quarter, true, 0), "after a quarter of the window 25 should be free again", quarter)) return saw;
    subject.advance(kMinute / 4);
    const auto half = take(subject, "weights", 100, 26);
    if (auto saw = unless(is(half, false, 25), "after half of the window 25 more should be free, not 26", half)) return saw;
    toWindowStart(subject, kMinute);
    subject.advance(kMinute);
    const auto later = take(subject, "weights", 100, 100);
    return unless(is(later, true, 0), "after a whole idle window all should be free", later);
}

/// Runs `work(thread)` on 64 threads that begin together.
void onManyThreads(const std::function<void(std::size_t)>& work) {
    constexpr std::size_t kThreads = 64;
    std::atomic<std::size_t> waiting{0};
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (std::size_t i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] {
            ++waiting;
            while (waiting.load() < kThreads) std::this_thread::yield();
            work(i);
        });
    for (auto& thread : threads) thread.join();
}

Saw isExactUnder64Threads(Subject& subject) {
    toWindowStart(subject, kMinute);
    const auto each = std::clamp<std::size_t>(subject.maxCalls / 64 / 4, 16, 500);
    const auto limit = static_cast<std::int64_t>(64 * each / 2);
    std::atomic<std::int64_t> taken{0}, failed{0};
    onManyThreads([&](std::size_t thread) {
        for (std::size_t i = 0; i < each; ++i) {
            const std::int64_t cost = 1 + static_cast<std::int64_t>((thread + i) % 3);
            const auto answer = take(subject, "threads", limit, cost);
            if (!answer)
                ++failed;
            else if (answer->allowed)
                taken += cost;
        }
    });
    if (failed != 0) return std::to_string(failed) + " calls failed";
    if (taken != limit) return "64 threads were granted " + std::to_string(taken) + " of " + std::to_string(limit);
    return std::nullopt;
}

Saw losesNoCountUnder64Threads(Subject& subject) {
    const auto each = static_cast<std::int64_t>(std::clamp<std::size_t>(subject.maxCalls / 64 / 8, 16, 250));
    const auto end = subject.clock->now() + std::chrono::hours(24);
    std::atomic<std::int64_t> failed{0};
    onManyThreads([&](std::size_t) {
        for (std::int64_t i = 0; i < each; ++i)
            if (!count(subject, "threads-count", 1'000'000, end, 1)) ++failed;
    });
    if (failed != 0) return std::to_string(failed) + " calls failed";
    const auto sum = count(subject, "threads-count", 1'000'000, end, 0);
    return unless(is(sum, true, 1'000'000 - 64 * each), "wanted a sum of " + std::to_string(64 * each), sum);
}

Saw grantsNothingWhenTheClockStepsBack(Subject& subject) {
    toWindowStart(subject, kMinute);
    const auto spent = take(subject, "step", 10, 10);
    if (auto saw = unless(is(spent, true, 0), "10 of 10 should pass", spent)) return saw;
    Saw failure;
    for (const auto by : {-kMinute / 2, -kMinute, -3 * kMinute, -1'000 * kMinute}) {
        subject.stepWall(by);
        const auto answer = take(subject, "step", 10);
        subject.stepWall(-by);
        failure = unless(is(answer, false, 0), "a clock set back by " + std::to_string(-by.count()) + " us should grant nothing", answer);
        if (failure) return failure;
    }
    const auto again = take(subject, "step", 10);
    if (auto saw = unless(is(again, false, 0), "after the clock came back the budget should still be spent", again)) return saw;
    toWindowStart(subject, kMinute);
    subject.advance(kMinute);
    const auto later = take(subject, "step", 10, 10);
    return unless(is(later, true, 0), "time that passes should free the budget again", later);
}

Saw countsPastTheLimit(Subject& subject) {
    const auto end = subject.clock->now() + std::chrono::hours(24 * 20);
    const std::tuple<std::int64_t, bool, std::int64_t> steps[] = {{0, true, 10}, {4, true, 6},  {0, true, 6}, {6, true, 0},
                                                                  {0, true, 0},  {1, false, 0}, {0, false, 0}};
    for (const auto& [cost, allowed, remaining] : steps) {
        const auto answer = count(subject, "monthly", 10, end, cost);
        if (auto saw = unless(is(answer, allowed, remaining), "count of " + std::to_string(cost) + " was answered wrongly", answer))
            return saw;
        if (answer->limit != 10 || answer->resetAt != end) return "limit or end of the period was not told right";
    }
    const auto wider = count(subject, "monthly", 20, end, 0);
    if (auto saw = unless(is(wider, true, 9), "11 should have been counted in all", wider)) return saw;
    const auto other = count(subject, "monthly:other", 10, end, 0);
    return unless(is(other, true, 10), "another key should have a counter of its own", other);
}

Saw keepsACounterWhileItsPeriodLasts(Subject& subject) {
    const auto end = subject.clock->now() + 40 * kMinute;
    if (const auto first = count(subject, "lasting", 100, end, 5); !is(first, true, 95))
        return "5 of 100 should be counted, saw " + shown(first);
    subject.advance(39 * kMinute);
    const auto late = count(subject, "lasting", 100, end, 5);
    return unless(is(late, true, 90), "a minute before its end the counter should still be there", late);
}

Saw remembersASpentBudgetInAFloodOfStrangers(Subject& subject) {
    toWindowStart(subject, kMinute);
    const auto end = subject.clock->now() + std::chrono::hours(24);
    const auto spent = take(subject, "known", 10, 10);
    if (auto saw = unless(is(spent, true, 0), "10 of 10 should pass", spent)) return saw;
    const auto counted = count(subject, "known-count", 10, end, 11);
    if (auto saw = unless(is(counted, false, 0), "11 of 10 should be over", counted)) return saw;
    for (std::size_t i = 0; i < subject.maxCalls; ++i) {
        const auto stranger = take(subject, "stranger:" + std::to_string(i), 100);
        if (!stranger || !stranger->allowed) return "stranger " + std::to_string(i) + " should pass, saw " + shown(stranger);
    }
    const auto still = take(subject, "known", 10);
    if (auto saw = unless(is(still, false, 0), "many other keys should not free a spent budget", still)) return saw;
    const auto stillCounted = count(subject, "known-count", 10, end, 0);
    return unless(is(stillCounted, false, 0), "many other keys should not reset a counter", stillCounted);
}

Saw saysItIsHealthy(Subject& subject) {
    const auto health = subject.limiter->health(callOf(subject));
    if (!health) return said(health.error());
    if (subject.limiter->backend().empty()) return "backend has no name";
    return std::nullopt;
}

}  // namespace

std::vector<Case<RateLimiterSubject>> ratelimitContract() {
    return {
        {"saysItIsHealthy", saysItIsHealthy},
        {"takesUpToTheLimitAndNotOneMore", takesUpToTheLimitAndNotOneMore},
        {"takesAllOfACostOrNothing", takesAllOfACostOrNothing},
        {"refusesCostsAndWindowsThatMeanNothing", refusesCostsAndWindowsThatMeanNothing},
        {"deniesAllWhereTheLimitIsZeroOrWasLowered", deniesAllWhereTheLimitIsZeroOrWasLowered},
        {"keepsKeysApart", keepsKeysApart},
        {"weighsThePreviousWindowByWhatIsLeft", weighsThePreviousWindowByWhatIsLeft},
        {"followsTheNaiveModelOnRandomSchedules", followsTheNaiveModelOnRandomSchedules},
        {"isExactUnder64Threads", isExactUnder64Threads},
        {"grantsNothingWhenTheClockStepsBack", grantsNothingWhenTheClockStepsBack},
        {"countsPastTheLimit", countsPastTheLimit},
        {"keepsACounterWhileItsPeriodLasts", keepsACounterWhileItsPeriodLasts},
        {"losesNoCountUnder64Threads", losesNoCountUnder64Threads},
        {"remembersASpentBudgetInAFloodOfStrangers", remembersASpentBudgetInAFloodOfStrangers},
    };
}

}  // namespace agentidp::plugin::contract
