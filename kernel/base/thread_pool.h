#pragma once
/// @file kernel/base/thread_pool.h
/// A fixed number of threads and a bounded queue, for work that may block. Work that does not fit is refused at once,
/// so that a slow backend costs answers and never memory. Work of several parties queues in lanes that take turns, so that one party's
/// flood costs its own answers and not another's.
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
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

    /// Whose work it is: any number that is the same for the same party. kNobody's work is bounded by the queue alone.
    using Lane = std::uint64_t;
    static constexpr Lane kNobody = 0;

    /// False when the queue is full, the lane holds as much of it as is left free for others, or the pool is stopping; the task was not
    /// taken. Lanes are served in turn, each in its order, and one never has all the threads where there are more than four. Any thread.
    [[nodiscard]] bool post(Task task, Lane lane = kNobody);
    /// Takes no more, runs what is queued, joins. Idempotent; not from one of its own threads.
    void stop();

private:
    struct Queue {
        std::deque<Task> waiting;
        std::size_t running = 0;
        bool inTurn = false;  ///< its number is in turns_
    };
    void work();
    /// Gives the lane a turn where it has work and may run more of it.
    void queueUp(Lane lane, Queue& queue);

    std::size_t queueLimit_;
    std::size_t laneThreads_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::unordered_map<Lane, Queue> lanes_;  ///< those with work that waits or runs
    std::deque<Lane> turns_;
    std::size_t waiting_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace agentidp::base
