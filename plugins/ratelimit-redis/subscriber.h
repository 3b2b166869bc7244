#pragma once
/// @file plugins/ratelimit-redis/subscriber.h
/// Hears the hints of all replicas, on a connection and a thread of its own, and connects again where it breaks. What is announced
/// meanwhile is lost: hints are hints.
#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "wire.h"

namespace agentidp::ratelimit_redis {

/// A hint as one message of the channel: `<topic>:<key>`. A topic is [a-z][a-z0-9_-]{0,31}.
[[nodiscard]] bool isTopic(std::string_view topic);
[[nodiscard]] bool splitHint(std::string_view message, std::string_view& topic, std::string_view& key);

class Subscriber {
public:
    using Hear = std::function<void(std::string_view topic, std::string_view key)>;
    /// Starts the thread; `hear` is called from it.
    Subscriber(const Dialer& dialer, std::string channel, Hear hear);
    /// When it returns, `hear` is not called any more.
    ~Subscriber();
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;

    /// Whether the server has confirmed the subscription, and the connection still stands.
    [[nodiscard]] bool listening() const { return listening_; }

private:
    void run();
    void follow(Connection& connection);
    [[nodiscard]] bool hearAll(Connection& connection);
    void waitFor(int fd, short events, std::chrono::milliseconds atMost) const;

    const Dialer& dialer_;
    const std::string channel_;
    const Hear hear_;
    Bell bell_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> listening_{false};
    std::thread thread_;
};

}  // namespace agentidp::ratelimit_redis
