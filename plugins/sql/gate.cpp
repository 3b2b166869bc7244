#include "sql/gate.h"

#include <algorithm>

namespace agentidp::sql {

namespace {

// How long a cancellation, or a clock that is not the system's, may go unseen.
constexpr std::chrono::nanoseconds kLook = std::chrono::milliseconds(20);

}  // namespace

aip::Status Gate::enter(const aip::Call& call) {
    std::unique_lock lock(mutex_);
    if (free_ > 0 && waiting_.empty()) {
        --free_;
        return {};
    }
    Waiting self;
    const auto at = waiting_.insert(waiting_.end(), &self);
    const auto bound = std::chrono::steady_clock::now() + call.left();
    while (!self.granted) {
        aip::Status over = call.check();
        if (over && call.deadlineNs() == 0 && std::chrono::steady_clock::now() >= bound) over = aip::deadline();
        if (!over) {
            waiting_.erase(at);
            return over;
        }
        self.wake.wait_for(lock, std::clamp(call.left(), std::chrono::nanoseconds(100'000), kLook));
    }
    return {};
}

void Gate::leave() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
        ++free_;
        return;
    }
    Waiting* next = waiting_.front();
    waiting_.pop_front();
    next->granted = true;
    next->wake.notify_one();
}

}  // namespace agentidp::sql
