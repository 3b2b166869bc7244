#include "app/housekeeper.h"

#include <pthread.h>

namespace agentidp::app {

Housekeeper::Housekeeper(const base::Clock& clock, std::vector<Chore> chores,
                         std::function<void(const std::string&, const base::Error&)> onError)
    : clock_(clock), onError_(std::move(onError)) {
    for (auto& chore : chores) {
        const auto first = clock.mono() + chore.every;
        planned_.push_back({std::move(chore), first});
    }
}

Housekeeper::~Housekeeper() { stop(); }

void Housekeeper::start(const std::string& threadName) {
    thread_ = std::thread([this] { loop(); });
    pthread_setname_np(thread_.native_handle(), threadName.substr(0, 15).c_str());
}

void Housekeeper::stop() {
    {
        const std::lock_guard hold(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Housekeeper::loop() {
    std::unique_lock hold(mutex_);
    while (!stopping_) {
        hold.unlock();
        for (auto& planned : planned_) {
            if (clock_.mono() < planned.next) continue;
            if (auto done = planned.chore.run(); !done) onError_(planned.chore.name, done.error());
            planned.next = clock_.mono() + planned.chore.every;
        }
        hold.lock();
        wake_.wait_for(hold, std::chrono::milliseconds(250), [this] { return stopping_; });
    }
}

}  // namespace agentidp::app
