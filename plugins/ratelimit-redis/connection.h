#pragma once
/// @file plugins/ratelimit-redis/connection.h
/// One connection to a Redis server or a Sentinel, plain or TLS, that never blocks beyond a given moment. One thread.
#include <agentidp/plugin.hpp>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "address.h"
#include "reply.h"
#include "trouble.h"

namespace agentidp::ratelimit_redis {

using Moment = std::chrono::steady_clock::time_point;

/// The RESP form of a command.
[[nodiscard]] std::string command(std::initializer_list<std::string_view> words);

/// Whom we trust: one for all connections of the plugin. Any thread.
class Trust {
public:
    /// `caFile` empty: the machine's certificate authorities; else that file's alone. `name`: what certificates must be issued to; empty:
    /// the host that is connected to. AIP_E_INVALID where the file holds no certificate.
    static aip::Outcome<std::shared_ptr<const Trust>> make(const std::string& caFile, const std::string& name);
    ~Trust();
    Trust(const Trust&) = delete;
    Trust& operator=(const Trust&) = delete;

private:
    friend class Connection;
    struct Context;
    Trust();
    std::unique_ptr<Context> context_;
    std::string name_;
};

class Connection {
public:
    /// `trust` null: without TLS. Looks the name up, connects to one of its addresses after the other, shakes hands; all of it by `until`,
    /// but for the look-up, which takes as long as the system's resolver does.
    static std::unique_ptr<Connection> open(const HostPort& at, std::shared_ptr<const Trust> trust, Moment until, Trouble& why);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] const HostPort& peer() const { return peer_; }
    [[nodiscard]] int fd() const;
    /// Without TLS: then one thread may send() while another one does the rest.
    [[nodiscard]] bool plain() const { return trust_ == nullptr; }

    enum class Io { Done, Again, Ended };
    /// Sends what goes without waiting, and takes it off the front of `rest`. Done: all of it. After Again the same bytes, perhaps with
    /// more behind them and perhaps elsewhere in memory, come first.
    [[nodiscard]] Io send(std::string_view& rest);
    /// Reads a piece of what is there. Done: there may be more, which poll(2) need not know of under TLS.
    [[nodiscard]] Io receive();
    [[nodiscard]] ReplyReader& replies() { return replies_; }
    /// What poll(2) should look for when receive() said Again, besides POLLOUT where bytes are left to send.
    [[nodiscard]] short wanted() const;

    /// Sends and waits for `count` replies.
    [[nodiscard]] std::optional<std::vector<Reply>> exchange(std::string_view bytes, std::size_t count, Moment until, Trouble& why);

private:
    struct Socket;
    Connection();
    bool shakeHands(const Trust& trust, Moment until, Trouble& why);
    [[nodiscard]] bool waitFor(short events, Moment until) const;

    HostPort peer_;
    std::unique_ptr<Socket> socket_;
    std::shared_ptr<const Trust> trust_;
    ReplyReader replies_;
};

}  // namespace agentidp::ratelimit_redis
