#pragma once
/// @file plugins/ratelimit-redis/wire.h
/// One connection that many callers share. Their commands travel one behind the other and are answered in order; one of those who wait
/// reads for all, until its own answer came, and then another one does: an answer costs its caller no switch of threads. A caller waits no
/// longer than it wants to. A thread of the wire's dials, reads what nobody waits for any more, and asks a silent connection whether it
/// stands; while there is none a caller is told so at once.
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
        bool left = false;  ///< nobody waits for it any more
        Reply reply;
        Moment since;
        std::condition_variable changed;
    };
    using SlotPtr = std::shared_ptr<Slot>;
    using Lock = std::unique_lock<std::mutex>;
    static constexpr std::size_t kMostWaiting = 4'096;

    void keep();
    /// Redials until a connection stands, or stop().
    void dialAgain(Backoff& backoff);
    [[nodiscard]] Asked askFor(const std::string& command, const aip::Call* call, Moment until, Reply& reply);
    /// Sends it, or leaves it to who has the turn. The connection stands.
    [[nodiscard]] SlotPtr enqueue(const std::string& command);
    /// Waits for the answer; has the turn whenever nobody else has.
    [[nodiscard]] Asked await(Lock& lock, Slot& slot, const aip::Call* call, Moment until);
    /// One round of sending and receiving, `lock` open meanwhile.
    void serve(Lock& lock, Moment until);
    /// Hands replies out. False: the connection has to end, for `why`.
    [[nodiscard]] bool deliver(Trouble& why);
    /// Nobody has the turn: somebody who waits takes it, or else the keeper where answers are still to come.
    void passOn();
    /// The connection is over: everybody who waits is told, and the keeper dials.
    void end(const Trouble& why);
    void pause(std::chrono::milliseconds length);

    const Dialer& dialer_;
    Standing& standing_;
    const std::chrono::milliseconds answerWithin_;
    Bell bell_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::unique_ptr<Connection> connection_;  ///< used by who has the turn; made and destroyed by the keeper while nobody has
    bool up_ = false;
    bool turn_ = false;    ///< somebody uses the connection
    bool asleep_ = false;  ///< in poll(2), and must be rung for
    std::string unsent_;
    std::deque<SlotPtr> flying_;  ///< in the order of their commands
    Moment quietSince_;
    Bell keeperBell_;
    std::thread keeper_;
};

}  // namespace agentidp::ratelimit_redis
