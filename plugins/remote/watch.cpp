#include "watch.h"

#include <sys/socket.h>

#include <algorithm>

namespace agentidp::remote {
namespace {
constexpr std::chrono::milliseconds kTick{20};
}

Watch::Watch() : thread_([this] { run(); }) {}

Watch::~Watch() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

Watch::Guard::Guard(Watch& watch, int socket, const aip::Call& call) : watch_(watch), socket_(socket) {
    {
        const std::lock_guard lock(watch_.mutex_);
        watch_.watched_.push_back({socket, &call});
    }
    watch_.wake_.notify_one();
}

Watch::Guard::~Guard() {
    const std::lock_guard lock(watch_.mutex_);
    auto& all = watch_.watched_;
    all.erase(std::find_if(all.begin(), all.end(), [this](const Watched& each) { return each.socket == socket_; }));
}

void Watch::run() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        if (watched_.empty()) {
            wake_.wait(lock);
            continue;
        }
        for (const auto& each : watched_)
            if (!each.call->check()) ::shutdown(each.socket, SHUT_RDWR);
        wake_.wait_for(lock, kTick, [this] { return ending_; });
    }
}

}  // namespace agentidp::remote
