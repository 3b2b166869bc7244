#include "base/watched_clock.h"

#include <algorithm>
#include <cstdlib>

namespace agentidp::base {
namespace {

constexpr std::int64_t kMostMicros = std::chrono::microseconds(WatchedClock::kMost).count();

std::int64_t monoMicros(const Clock& clock) { return std::chrono::duration_cast<microseconds>(clock.mono().time_since_epoch()).count(); }

}  // namespace

WatchedClock::WatchedClock(const Clock& source)
    : source_(source), offset_(microsOf(source.now()) - monoMicros(source)), latest_(microsOf(source.now())) {}

Instant WatchedClock::now() const {
    const auto counted = monoMicros(source_) + offset_.load(std::memory_order_relaxed);
    auto told = microsOf(source_.now());
    if (std::abs(told - counted) > kMostMicros) stepped_.store(true, std::memory_order_release);
    if (stepped()) told = counted;
    auto latest = latest_.load(std::memory_order_relaxed);
    while (latest < told && !latest_.compare_exchange_weak(latest, told, std::memory_order_relaxed)) {}
    return fromMicros(std::max(latest, told));
}

void WatchedClock::compare(Instant storage) {
    const auto wall = microsOf(source_.now());
    const bool agree = std::abs(wall - microsOf(storage)) <= kMostMicros;
    if (!agree || wall < latest_.load(std::memory_order_relaxed) - kMostMicros) {
        stepped_.store(true, std::memory_order_release);
        return;
    }
    offset_.store(wall - monoMicros(source_), std::memory_order_relaxed);
    stepped_.store(false, std::memory_order_release);
}

}  // namespace agentidp::base
