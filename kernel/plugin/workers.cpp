#include "plugin/workers.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace agentidp::plugin {

struct Workers::Worker {
    std::mutex mutex;
    std::condition_variable wake;
    std::shared_ptr<Frame> frame;
    bool stopping = false;
    std::thread thread;
};

/// Shared with every thread, so that a lost one finds it however late it comes back.
struct Workers::State {
    std::string name;
    std::size_t most = 0;
    Tell tell;
    std::mutex mutex;
    std::condition_variable freed;
    std::vector<std::shared_ptr<Worker>> all;
    std::vector<Worker*> idle;  ///< the last one back is the first one out: its caches are warm
    std::ptrdiff_t lost = 0;    ///< below zero for a moment where a call comes back before its loss was counted
    bool closed = false;

    [[nodiscard]] bool wedged() const { return lost >= static_cast<std::ptrdiff_t>(most == 1 ? 1 : kMaxLost); }
    [[nodiscard]] std::size_t lostNow() const { return lost > 0 ? static_cast<std::size_t>(lost) : 0; }
};

Workers::Workers(std::string name, std::size_t most, Tell tell) : state_(std::make_shared<State>()) {
    state_->name = std::move(name);
    if (state_->name.size() > 15) state_->name.resize(15);
    state_->most = most;
    state_->tell = std::move(tell);
}

Workers::~Workers() {
    std::vector<std::shared_ptr<Worker>> all;
    std::vector<Worker*> idle;
    {
        const std::lock_guard hold(state_->mutex);
        state_->closed = true;
        all.swap(state_->all);
        idle.swap(state_->idle);
    }
    for (auto* worker : idle) {
        {
            const std::lock_guard hold(worker->mutex);
            worker->stopping = true;
        }
        worker->wake.notify_one();
        worker->thread.join();
    }
    for (auto& worker : all)
        if (worker->thread.joinable()) worker->thread.detach();
}

void Workers::work(const std::shared_ptr<State>& state, const std::shared_ptr<Worker>& worker) {
    for (;;) {
        std::shared_ptr<Frame> frame;
        {
            std::unique_lock hold(worker->mutex);
            worker->wake.wait(hold, [&] { return worker->stopping || worker->frame; });
            if (!worker->frame) return;
            frame = std::move(worker->frame);
        }
        if (frame->finish(frame->body(*frame))) continue;
        if (frame->late) frame->late(*frame);
        std::size_t still = 0;
        bool closed = false;
        {
            const std::lock_guard hold(state->mutex);
            --state->lost;
            still = state->lostNow();
            closed = state->closed;
            if (!closed) state->idle.push_back(worker.get());
        }
        if (closed) return;
        state->freed.notify_one();
        state->tell(Event::CameBack, still);
    }
}

base::Result<void*> Workers::acquire(base::nanoseconds within) {
    std::unique_lock hold(state_->mutex);
    const auto until = std::chrono::steady_clock::now() + within;
    for (;;) {
        if (state_->wedged())
            return base::fail(base::Errc::Unavailable, "a backend does not answer",
                              std::to_string(state_->lostNow()) + " calls are lost in " + state_->name);
        if (!state_->idle.empty()) {
            auto* worker = state_->idle.back();
            state_->idle.pop_back();
            return static_cast<void*>(worker);
        }
        if (state_->all.size() < state_->most + state_->lostNow()) break;
        if (state_->freed.wait_until(hold, until) == std::cv_status::timeout && state_->idle.empty())
            return base::fail(base::Errc::Deadline, "a backend is busy", "no thread of " + state_->name + " was free in time");
    }
    auto worker = std::make_shared<Worker>();
    try {
        worker->thread = std::thread([state = state_, worker] { work(state, worker); });
    } catch (const std::system_error& none) {
        return base::fail(base::Errc::Unavailable, "a backend is busy", std::string("no thread could be started: ") + none.what());
    }
    pthread_setname_np(worker->thread.native_handle(), state_->name.c_str());
    state_->all.push_back(worker);
    return static_cast<void*>(worker.get());
}

base::Result<aip_status> Workers::run(const std::shared_ptr<Frame>& frame, base::nanoseconds within, Lease& lease) {
    if (within <= base::nanoseconds(0)) return base::fail(base::Errc::Deadline, "there was no time left");
    const auto began = std::chrono::steady_clock::now();
    if (!lease.held()) {
        auto acquired = acquire(within);
        if (!acquired) return acquired.error();
        lease.worker_ = *acquired;
        within -= std::chrono::steady_clock::now() - began;
    }
    auto* worker = static_cast<Worker*>(lease.worker_);
    {
        const std::lock_guard hold(worker->mutex);
        worker->frame = frame;
    }
    worker->wake.notify_one();
    if (frame->wait(within) == Frame::Waited::Done) return frame->status();

    lease.worker_ = nullptr;
    std::size_t lost = 0;
    bool wedged = false;
    {
        const std::lock_guard hold(state_->mutex);
        ++state_->lost;
        lost = state_->lostNow();
        wedged = state_->wedged();
    }
    state_->tell(Event::Lost, lost);
    if (wedged) {
        state_->freed.notify_all();
        state_->tell(Event::Wedged, lost);
    }
    return base::fail(base::Errc::Deadline, "a backend did not answer in time");
}

void Workers::release(Lease& lease) {
    if (!lease.held()) return;
    {
        const std::lock_guard hold(state_->mutex);
        state_->idle.push_back(static_cast<Worker*>(lease.worker_));
    }
    lease.worker_ = nullptr;
    state_->freed.notify_one();
}

std::size_t Workers::lost() const {
    const std::lock_guard hold(state_->mutex);
    return state_->lostNow();
}

bool Workers::wedged() const {
    const std::lock_guard hold(state_->mutex);
    return state_->wedged();
}

}  // namespace agentidp::plugin
