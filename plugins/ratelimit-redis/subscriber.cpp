#include "subscriber.h"

#include <poll.h>

namespace agentidp::ratelimit_redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kIdle{10'000};   ///< then it is asked whether it still stands,
constexpr milliseconds kAnswer{5'000};  ///< and given up after this

}  // namespace

bool isTopic(std::string_view topic) {
    return !topic.empty() && topic.size() <= 32 && topic[0] >= 'a' && topic[0] <= 'z' &&
           topic.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

bool splitHint(std::string_view message, std::string_view& topic, std::string_view& key) {
    const auto colon = message.find(':');
    if (colon == std::string_view::npos || !isTopic(message.substr(0, colon))) return false;
    topic = message.substr(0, colon);
    key = message.substr(colon + 1);
    return true;
}

Subscriber::Subscriber(const Dialer& dialer, std::string channel, Hear hear)
    : dialer_(dialer), channel_(std::move(channel)), hear_(std::move(hear)), thread_([this] { run(); }) {}

Subscriber::~Subscriber() {
    stopping_ = true;
    bell_.ring();
    thread_.join();
}

void Subscriber::run() {
    Backoff backoff;
    while (!stopping_) {
        Trouble why;
        if (const auto connection = dialer_.dial(stopping_, why); connection && !stopping_) {
            follow(*connection);
            if (listening_) backoff.reset();
            listening_ = false;
        }
        const auto until = steady_clock::now() + backoff.next();
        while (!stopping_ && steady_clock::now() < until)
            waitFor(-1, 0, std::chrono::duration_cast<milliseconds>(until - steady_clock::now()) + milliseconds(1));
    }
}

void Subscriber::follow(Connection& connection) {
    const std::string subscribe = command({"SUBSCRIBE", channel_}), ping = command({"PING"});
    std::string sending = subscribe;
    auto heard = steady_clock::now();
    bool asked = true;  // something is sent that must be answered
    while (!stopping_) {
        std::string_view rest = sending;
        const auto sent = connection.send(rest);
        sending.erase(0, sending.size() - rest.size());
        const auto received = connection.receive();
        if (!hearAll(connection) || sent == Connection::Io::Ended || received == Connection::Io::Ended) return;
        const auto now = steady_clock::now();
        if (received == Connection::Io::Done) {
            heard = now;
            asked = false;
            continue;
        }
        const auto quiet = std::chrono::duration_cast<milliseconds>(now - heard);
        if (asked && quiet >= kIdle + kAnswer) return;
        if (!asked && quiet >= kIdle) {
            sending += ping;
            asked = true;
            continue;
        }
        waitFor(connection.fd(), static_cast<short>(connection.wanted() | (sending.empty() ? 0 : POLLOUT)),
                (asked ? kIdle + kAnswer : kIdle) - quiet);
    }
}

/// False: the connection is of no use.
bool Subscriber::hearAll(Connection& connection) {
    Reply reply;
    for (;;) {
        const auto got = connection.replies().next(reply);
        if (got == ReplyReader::Got::More) return true;
        if (got == ReplyReader::Got::Broken || reply.isError()) return false;
        if (reply.kind != Reply::Kind::Array || reply.items.empty()) continue;
        if (reply.items[0].text == "subscribe") listening_ = true;
        std::string_view topic, key;
        if (reply.items.size() == 3 && reply.items[0].text == "message" && splitHint(reply.items[2].text, topic, key)) hear_(topic, key);
    }
}

void Subscriber::waitFor(int fd, short events, milliseconds atMost) const {
    pollfd items[] = {{bell_.fd(), POLLIN, 0}, {fd, events, 0}};
    if (::poll(items, 2, static_cast<int>(atMost.count())) > 0 && items[0].revents != 0 && !stopping_) bell_.silence();
}

}  // namespace agentidp::ratelimit_redis
