#include "base/thread_pool.h"

#include <pthread.h>

namespace agentidp::base {

ThreadPool::ThreadPool(const std::string& name, std::size_t threads, std::size_t queueLimit) : queueLimit_(queueLimit) {
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this] { work(); });
        pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
    }
}

ThreadPool::~ThreadPool() { stop(); }

bool ThreadPool::post(Task task) {
    {
        const std::lock_guard hold(mutex_);
        if (stopping_ || queue_.size() >= queueLimit_) return false;
        queue_.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
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
    for (;;) {
        Task task;
        {
            std::unique_lock hold(mutex_);
            wake_.wait(hold, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            task = std::move(queue_.front());
            queue_.pop_front();
        }
        task();
    }
}

}  // namespace agentidp::base
