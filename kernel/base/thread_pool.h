#pragma once
/// @file kernel/base/thread_pool.h
/// A fixed number of threads and a bounded queue, for work that may block. Work that does not fit is refused at once,
/// so that a slow backend costs answers and never memory.
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace agentidp::base {

class ThreadPool {
public:
    using Task = std::function<void()>;
    /// `name` shows in `top -H` (15 characters). Starts its threads at once.
    ThreadPool(const std::string& name, std::size_t threads, std::size_t queueLimit);
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    /// Runs what is queued, then joins.
    ~ThreadPool();

    /// False when the queue is full or the pool is stopping; the task was not taken. Any thread.
    [[nodiscard]] bool post(Task task);
    /// Takes no more, runs what is queued, joins. Idempotent; not from one of its own threads.
    void stop();

private:
    void work();

    std::size_t queueLimit_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace agentidp::base
