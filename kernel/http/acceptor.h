#pragma once
/// @file kernel/http/acceptor.h
/// The listening sockets, on the first loop's thread, handing each connection to the loop that has fewest. Not SO_REUSEPORT:
/// with it a second daemon on the same port would start without an error, and the kernel's hash fills the loops unevenly.
/// Inside http/ only.
#include <boost/asio/posix/stream_descriptor.hpp>
#include <list>
#include <memory>
#include <vector>

#include "http/loop.h"

namespace agentidp::http {

class Acceptor {
public:
    /// `loops` outlive it.
    Acceptor(Common& common, std::vector<std::unique_ptr<Loop>>& loops);
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;
    ~Acceptor();

    /// Binds `host:port`. Before start() only.
    [[nodiscard]] base::Result<Endpoint> listen(const std::string& address);
    void start();
    /// Any thread: takes what already waits in the backlog, then closes the sockets.
    void finish();

    /// finish() is done; `common.empty` is notified then.
    [[nodiscard]] bool finished() const { return finished_.load(); }
    [[nodiscard]] std::uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t turnedAway() const { return turnedAway_.load(std::memory_order_relaxed); }

private:
    using Socket = boost::asio::posix::stream_descriptor;
    enum class Outcome { Emptied, Yield, NoSlot, NoDescriptor };

    void wait(Socket& socket);
    void accept(Socket& socket);
    Outcome acceptSome(Socket& socket);
    void pause(Outcome why);
    void turnAway();
    [[nodiscard]] std::uint64_t open() const;
    Loop& emptiest();

    Common& common_;
    std::vector<std::unique_ptr<Loop>>& loops_;
    std::list<Socket> sockets_;
    boost::asio::steady_timer retry_;
    Descriptor reserve_;  ///< given up for a moment to tell a client that there is no descriptor for it
    bool paused_ = false;
    std::atomic<bool> finished_{false};
    std::size_t shedding_ = 1;
    base::MonoInstant pressedSince_ = base::MonoInstant::max();
    base::MonoInstant toldAt_ = base::MonoInstant::min();
    std::size_t next_ = 0;
    std::atomic<std::uint64_t> accepted_{0};
    std::atomic<std::uint64_t> turnedAway_{0};
};

}  // namespace agentidp::http
