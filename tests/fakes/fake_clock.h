#pragma once
/// @file tests/fakes/fake_clock.h
/// Time that moves only when a test says so. Any thread.
#include <atomic>

#include "base/clock.h"

namespace agentidp::tests {

class FakeClock final : public base::Clock {
public:
    [[nodiscard]] base::Instant now() const override { return base::fromMicros(wallUs_.load()); }
    [[nodiscard]] base::MonoInstant mono() const override { return base::MonoInstant(base::nanoseconds(monoNs_.load())); }
    /// Moves both clocks.
    void advance(base::microseconds by) {
        wallUs_ += by.count();
        monoNs_ += by.count() * 1000;
    }
    /// Moves the wall clock only, as an administrator or NTP would.
    void stepWall(base::microseconds by) { wallUs_ += by.count(); }

private:
    std::atomic<std::int64_t> wallUs_{1'790'000'000'000'000};
    std::atomic<std::int64_t> monoNs_{1'000'000'000'000};
};

}  // namespace agentidp::tests
