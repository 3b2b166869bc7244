#pragma once
/// @file plugins/ratelimit-redis/wire.h
/// One connection and the thread that owns it. Commands of many callers travel together and are answered in order; a caller waits for its
/// own answer no longer than it wants to. While there is no connection a caller is told so at once: it never waits for a connect.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "dialer.h"
#include "standing.h"

namespace agentidp::ratelimit_redis {

/// A descriptor that wakes a poll(2).
class Bell {
public:
    Bell();
    ~Bell();
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    void ring() const;
    void silence() const;
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

/// How long to wait before the next attempt to connect: longer each time, from a tenth of a second to two.
class Backoff {
public:
    [[nodiscard]] std::chrono::milliseconds next();
    void reset() { next_ = kFirst; }

private:
    static constexpr std::chrono::milliseconds kFirst{100}, kLongest{2'000};
    std::chrono::milliseconds next_ = kFirst;
};

class Wire {
public:
    /// `answerWithin`: an answer that takes longer ends the connection.
    Wire(const Dialer& dialer, Standing& standing, std::chrono::milliseconds answerWithin);
    /// As stop().
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    /// With a connection that stands already, or null: it dials. Starts the thread.
    void start(std::unique_ptr<Connection> connection);
    void stop();

    enum class Asked { Answered, Away, Late, Cancelled };
    /// Any thread. Answered: `reply` is the server's. Late: whether it took effect is unknown.
    [[nodiscard]] Asked ask(const std::string& command, const aip::Call& call, Moment until, Reply& reply);
    /// Callers that wait, or a very large number where there is no connection.
    [[nodiscard]] std::size_t load() const;

private:
    /// One caller; shared, because a caller may go before its answer comes.
    struct Slot {
        enum class State { Waiting, Answered, Away } state = State::Waiting;
        Reply reply;
        Moment since;
        std::condition_variable changed;
    };
    using Slots = std::deque<std::shared_ptr<Slot>>;
    static constexpr std::size_t kMostWaiting = 4'096;

    void run(std::unique_ptr<Connection> connection);
    /// Until the connection ends, or stop().
    [[nodiscard]] Trouble serve(Connection& connection);
    /// Moves what callers left to `sending` and `flying`. False: there was nothing.
    bool collect(std::string& sending, Slots& flying);
    /// Hands replies out. Answers why the connection has to end, if it has.
    [[nodiscard]] bool deliver(Connection& connection, Slots& flying, Trouble& why);
    void release(Slots& flying);
    void pause(std::chrono::milliseconds length);

    const Dialer& dialer_;
    Standing& standing_;
    const std::chrono::milliseconds answerWithin_;
    Bell bell_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    bool up_ = false;
    bool asleep_ = false;  ///< the thread waits in poll(2) and must be rung for
    std::string outgoing_;
    Slots queued_;
    std::size_t flyingCount_ = 0;
    std::thread thread_;
};

}  // namespace agentidp::ratelimit_redis
