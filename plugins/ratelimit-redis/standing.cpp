#include "standing.h"

namespace agentidp::ratelimit_redis {
namespace {

constexpr std::chrono::seconds kSayAgain{60};

}  // namespace

/// In the lock. An outage is said once, and once more where it turns out to be a mistake that somebody must mend; one that comes and
/// goes is said once a minute.
void Standing::away(const Trouble& why) {
    trouble_ = why;
    const auto now = Clock::now();
    const bool news = !away_ || why.isMistake();
    if (!away_) since_ = now;
    away_ = true;
    const auto last = said_.find(why.cause);
    if (!news || (last != said_.end() && now - last->second < kSayAgain)) return;
    said_[why.cause] = now;
    saidAway_ = true;
    host_.warn(why.text() + "; limits hold for this process alone until it serves again");
}

/// In the lock.
void Standing::back() {
    if (!away_) return;
    away_ = false;
    if (!saidAway_) return;
    saidAway_ = false;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - since_).count();
    host_.info("Redis at " + server_ + " serves again after " + std::to_string(seconds) + " s; limits are shared");
}

void Standing::up(const std::string& server) {
    const std::lock_guard lock(mutex_);
    ++connections_;
    server_ = server;
    refusing_ = false;
    back();
}

void Standing::down(const Trouble& why) {
    const std::lock_guard lock(mutex_);
    if (--connections_ == 0) away(why);
}

void Standing::stillDown(const Trouble& why) {
    const std::lock_guard lock(mutex_);
    if (connections_ == 0) away(why);
}

void Standing::refused(const Trouble& why) {
    const std::lock_guard lock(mutex_);
    refusing_ = true;
    away(why);
}

void Standing::served() {
    const std::lock_guard lock(mutex_);
    if (!refusing_) return;
    refusing_ = false;
    back();
}

void Standing::answeredLocally() {
    {
        const std::lock_guard lock(mutex_);
        ++localAnswers_;
    }
    host_.metric("local_answers");
}

Standing::State Standing::state() const {
    const std::lock_guard lock(mutex_);
    const bool connected = connections_ > 0 && !refusing_;
    return {connected, server_, connected ? std::string() : trouble_.text(), localAnswers_};
}

}  // namespace agentidp::ratelimit_redis
