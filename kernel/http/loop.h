#pragma once
/// @file kernel/http/loop.h
/// One event loop on one thread and the connections that live on it. Inside http/ only: the one header with foreign types.
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "http/listener.h"
#include "http/mailbox.h"
#include "http/response_writer.h"
#include "http/transport.h"

namespace agentidp::http {

class Connection;

/// What all loops of a listener read.
struct Common {
    ListenerOptions options;
    Handler handler;
    base::SharedGuarded<std::shared_ptr<const TlsContext>> tls;
    std::size_t incompleteShare = 0;  ///< of one loop
    std::atomic<bool> draining{false};
    std::mutex emptyMutex;
    std::condition_variable empty;  ///< while draining: a loop has closed its last connection
};

/// A descriptor that closes itself.
class Descriptor {
public:
    explicit Descriptor(int number = -1) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    [[nodiscard]] int get() const { return number_; }
    [[nodiscard]] bool valid() const { return number_ >= 0; }
    int release() { return std::exchange(number_, -1); }

private:
    int number_;
};

/// What a connection waits for; each has its own deadline. `None`: for the handler.
enum class Wait { None, Handshake, FirstHead, Idle, Head, Body, Write, Linger };
inline constexpr std::size_t kWaits = 8;

/// Connections that wait for the same thing, in the order their deadlines end: equal durations need no heap.
struct WaitList {
    Connection* first = nullptr;
    Connection* last = nullptr;
};

class Loop {
public:
    explicit Loop(Common& common);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    /// Serves until stop(). All else below is called on the thread that runs this, unless it says any thread.
    void run();

    /// Any thread: takes a connected socket over. It is counted as open at once.
    void adopt(Descriptor socket);
    /// Any thread: closes up to `count` connections that wait without a request, oldest first.
    void shed(std::size_t count);
    /// Any thread: from now on quiet connections are closed.
    void drain();
    /// Any thread: closes every connection; run() returns.
    void stop();

    [[nodiscard]] std::uint64_t open() const { return open_.load(std::memory_order_relaxed); }
    void addTo(ListenerStatistics& statistics) const;

    // For connections.
    Common& common() { return common_; }
    boost::asio::io_context& io() { return io_; }
    const std::shared_ptr<Mailbox>& mailbox() { return mailbox_; }
    std::span<char> scratch() { return scratch_; }
    std::string& output() { return output_; }
    std::string_view date() { return date_.now(); }
    void wait(Connection& connection, Wait wait);
    void ready(std::uint64_t id, void (Connection::*step)());
    void resumeLater(std::uint64_t id);
    /// The object lives until the turn at hand ends.
    void close(Connection& connection);
    /// Counts what a connection holds of an incomplete request; false if that is more than this loop's share.
    [[nodiscard]] bool hold(std::size_t& counted, std::size_t now);
    void countRequest() { bump(requests_); }
    void countRefusal(int status) { bump(refused_[static_cast<std::size_t>(status)]); }

private:
    friend class Turn;
    struct Slot {
        std::unique_ptr<Connection> connection;
        std::uint32_t generation = 0;
    };
    using Counter = std::atomic<std::uint64_t>;
    // Written by this loop's thread only.
    static void bump(Counter& counter) { counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

    Connection* find(std::uint64_t id);
    void take(Descriptor socket);
    void answer(Delivery&& delivery);
    void collect();
    void unlink(Connection& connection);
    void tick();
    void arm(base::MonoInstant at);
    void closeQuiet();
    std::size_t shedFrom(Wait wait, std::size_t count, base::nanoseconds age);
    [[nodiscard]] base::milliseconds durationOf(Wait wait) const;

    Common& common_;
    boost::asio::io_context io_;
    boost::asio::steady_timer timer_;
    base::MonoInstant armedFor_ = base::MonoInstant::max();
    std::shared_ptr<Mailbox> mailbox_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> freeSlots_;
    std::array<WaitList, kWaits> waiting_{};
    std::vector<std::unique_ptr<Connection>> closed_;
    unsigned turns_ = 0;
    std::size_t incomplete_ = 0;
    std::vector<char> scratch_;
    std::string output_;
    DateText date_;
    Counter open_{0};
    Counter requests_{0};
    Counter shed_{0};
    std::array<Counter, 600> refused_{};
};

}  // namespace agentidp::http
