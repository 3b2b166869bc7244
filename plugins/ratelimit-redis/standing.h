#pragma once
/// @file plugins/ratelimit-redis/standing.h
/// Whether Redis serves: what health tells, and the log lines that say once that it went and once that it is back. Any thread.
#include <agentidp/plugin.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "trouble.h"

namespace agentidp::ratelimit_redis {

class Standing {
public:
    explicit Standing(const aip::Host& host) : host_(host) {}

    void up(const std::string& server);
    /// A connection that was up ended.
    void down(const Trouble& why);
    /// Another attempt to connect failed.
    void stillDown(const Trouble& why);
    /// Redis answered a command with an error, over a connection that stays.
    void refused(const Trouble& why);
    void served();
    /// A budget was answered from this process's memory.
    void answeredLocally();

    struct State {
        bool connected = false;
        std::string server;  ///< host and port of the newest connection
        std::string why;     ///< empty where it serves
        std::int64_t localAnswers = 0;
    };
    [[nodiscard]] State state() const;

private:
    using Clock = std::chrono::steady_clock;
    void away(const Trouble& why);
    void back();

    aip::Host host_;
    mutable std::mutex mutex_;
    int connections_ = 0;
    bool away_ = false;
    bool saidAway_ = false;  ///< in the log, and not taken back yet
    bool refusing_ = false;  ///< the last command was refused
    Trouble trouble_;
    std::string server_;
    Clock::time_point since_{};
    std::map<Cause, Clock::time_point> said_;
    std::int64_t localAnswers_ = 0;
};

}  // namespace agentidp::ratelimit_redis
