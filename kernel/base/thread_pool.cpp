#include "base/thread_pool.h"

#include <pthread.h>

#include <algorithm>

namespace agentidp::base {

ThreadPool::ThreadPool(const std::string& name, std::size_t threads, std::size_t queueLimit)
    : queueLimit_(queueLimit), laneThreads_(std::max<std::size_t>(1, threads - threads / 5)) {
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this] { work(); });
        pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
    }
}

ThreadPool::~ThreadPool() { stop(); }

bool ThreadPool::post(Task task, Lane lane) {
    {
        const std::lock_guard hold(mutex_);
        if (stopping_ || waiting_ >= queueLimit_) return false;
        auto& queue = lanes_[lane];
        // One lane gets half of the queue, two a third each, ...: there is always room for one that is not there yet.
        if (lane != kNobody && queue.waiting.size() >= queueLimit_ - waiting_) return false;
        queue.waiting.push_back(std::move(task));
        ++waiting_;
        queueUp(lane, queue);
    }
    wake_.notify_one();
    return true;
}

void ThreadPool::queueUp(Lane lane, Queue& queue) {
    if (queue.inTurn || queue.waiting.empty() || (lane != kNobody && queue.running >= laneThreads_)) return;
    queue.inTurn = true;
    turns_.push_back(lane);
}

void ThreadPool::stop() {
    {
        const std::lock_guard hold(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

void ThreadPool::work() {
    std::unique_lock hold(mutex_);
    for (;;) {
        wake_.wait(hold, [this] { return !turns_.empty() || (stopping_ && waiting_ == 0); });
        if (turns_.empty()) return;
        const Lane lane = turns_.front();
        turns_.pop_front();
        auto& queue = lanes_[lane];
        queue.inTurn = false;
        Task task = std::move(queue.waiting.front());
        queue.waiting.pop_front();
        ++queue.running;
        queueUp(lane, queue);
        const bool last = --waiting_ == 0 && stopping_;
        hold.unlock();
        if (last) wake_.notify_all();
        task();
        task = nullptr;
        hold.lock();
        if (--queue.running == 0 && queue.waiting.empty())
            lanes_.erase(lane);
        else
            queueUp(lane, queue);
    }
}

}  // namespace agentidp::base
