#pragma once
/// @file kernel/plugin/silence.h
/// How long the backend of a plugin has not answered, and whether what it gave before may still be used.
#include <atomic>

#include "base/clock.h"

namespace agentidp::plugin {

/// Any thread; one of them looks at the backend now and then.
class Silence {
public:
    Silence(const base::Clock& clock, base::seconds most)
        : clock_(clock), most_(most), answeredAt_(clock.mono().time_since_epoch().count()) {}

    void saw(bool answered) {
        if (answered) answeredAt_ = clock_.mono().time_since_epoch().count();
        silent_ = !answered;
    }
    /// Zero while it answers; else since it last did.
    [[nodiscard]] base::seconds lasted() const {
        if (!silent_) return base::seconds(0);
        return std::chrono::duration_cast<base::seconds>(clock_.mono().time_since_epoch() - base::nanoseconds(answeredAt_.load()));
    }
    [[nodiscard]] bool tooLong() const { return lasted() >= most_; }

private:
    const base::Clock& clock_;
    base::seconds most_;
    std::atomic<std::int64_t> answeredAt_;
    std::atomic<bool> silent_{false};
};

}  // namespace agentidp::plugin
