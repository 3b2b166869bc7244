#pragma once
/// @file plugins/ratelimit-redis/dialer.h
/// A connection that is ready to serve: the master found (asked of Sentinels where there are any), reached, logged in to, looked at.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "connection.h"

namespace agentidp::ratelimit_redis {

struct Dialling {
    Address address;
    std::shared_ptr<const Trust> trust;  ///< null: without TLS
    std::vector<HostPort> sentinels;
    std::string master;  ///< its name among the Sentinels
    aip::Secret sentinelPassword;
    std::chrono::milliseconds within{1'000};  ///< for one server, all steps together
};

/// Any thread.
class Dialer {
public:
    explicit Dialer(Dialling how) : how_(std::move(how)) {}
    /// Null: `why` says it. Gives up between two servers once `stopping` is set.
    [[nodiscard]] std::unique_ptr<Connection> dial(const std::atomic<bool>& stopping, Trouble& why) const;
    [[nodiscard]] const Dialling& how() const { return how_; }

private:
    [[nodiscard]] std::unique_ptr<Connection> dialServer(const HostPort& at, Trouble& why) const;
    [[nodiscard]] bool askSentinel(const HostPort& sentinel, HostPort& master, Trouble& why) const;
    [[nodiscard]] bool logIn(Connection& connection, Moment until, Trouble& why) const;

    Dialling how_;
};

}  // namespace agentidp::ratelimit_redis
