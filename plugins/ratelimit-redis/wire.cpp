#include "wire.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <system_error>

namespace agentidp::ratelimit_redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A caller that is cancelled must be gone within 100 ms.
constexpr milliseconds kLook{50};
/// An idle connection is asked whether it still stands.
constexpr milliseconds kIdle{5'000};
/// A connection that served this long was no false start.
constexpr milliseconds kProven{1'000};

}  // namespace

Bell::Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}
Bell::~Bell() { ::close(fd_); }
void Bell::ring() const {
    const std::uint64_t one = 1;
    // A full counter rings already.
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}
void Bell::silence() const {
    std::uint64_t rung = 0;
    [[maybe_unused]] const auto got = ::read(fd_, &rung, sizeof rung);
}

milliseconds Backoff::next() {
    const auto now = next_;
    next_ = std::min(next_ * 2, kLongest);
    return now;
}

Wire::Wire(const Dialer& dialer, Standing& standing, milliseconds answerWithin)
    : dialer_(dialer), standing_(standing), answerWithin_(answerWithin) {}

Wire::~Wire() { stop(); }

void Wire::start(std::unique_ptr<Connection> connection) {
    up_ = connection != nullptr;
    if (up_) standing_.up(connection->peer().text());
    thread_ = std::thread([this, first = std::move(connection)]() mutable { run(std::move(first)); });
}

void Wire::stop() {
    stopping_ = true;
    bell_.ring();
    if (thread_.joinable()) thread_.join();
}

std::size_t Wire::load() const {
    const std::lock_guard lock(mutex_);
    return up_ ? queued_.size() + flyingCount_ : std::numeric_limits<std::size_t>::max();
}

Wire::Asked Wire::ask(const std::string& command, const aip::Call& call, Moment until, Reply& reply) {
    auto slot = std::make_shared<Slot>();
    std::unique_lock lock(mutex_);
    if (!up_ || queued_.size() + flyingCount_ >= kMostWaiting) return Asked::Away;
    slot->since = steady_clock::now();
    outgoing_ += command;
    queued_.push_back(slot);
    if (asleep_) {
        asleep_ = false;
        bell_.ring();
    }
    while (slot->state == Slot::State::Waiting) {
        const auto now = steady_clock::now();
        if (now >= until) return Asked::Late;
        slot->changed.wait_until(lock, std::min(until, now + kLook));
        if (slot->state == Slot::State::Waiting && call.cancelled()) return Asked::Cancelled;
    }
    if (slot->state == Slot::State::Away) return Asked::Away;
    reply = std::move(slot->reply);
    return Asked::Answered;
}

void Wire::run(std::unique_ptr<Connection> connection) {
    Backoff backoff;
    if (!connection) pause(backoff.next());
    while (!stopping_) {
        if (!connection) {
            Trouble why;
            connection = dialer_.dial(stopping_, why);
            if (stopping_) return;
            if (!connection) {
                standing_.stillDown(why);
                pause(backoff.next());
                continue;
            }
            standing_.up(connection->peer().text());
            const std::lock_guard lock(mutex_);
            up_ = true;
        }
        const auto began = steady_clock::now();
        const Trouble why = serve(*connection);
        connection.reset();
        if (stopping_) return;
        standing_.down(why);
        if (steady_clock::now() - began > kProven) backoff.reset();
        pause(backoff.next());
    }
}

Trouble Wire::serve(Connection& connection) {
    static const std::string ping = command({"PING"});
    std::string sending;
    Slots flying;  // null: a ping of ours
    Trouble why{Cause::Gone, connection.peer().text()};
    while (!stopping_) {
        (void)collect(sending, flying);
        std::string_view rest = sending;
        const auto sent = connection.send(rest);
        sending.erase(0, sending.size() - rest.size());
        const auto received = connection.receive();
        const bool sound = deliver(connection, flying, why);
        if (!sound || sent == Connection::Io::Ended || received == Connection::Io::Ended) break;
        if (received == Connection::Io::Done) continue;

        const auto now = steady_clock::now();
        auto wait = kIdle;
        if (!flying.empty()) {
            const auto age = std::chrono::duration_cast<milliseconds>(now - flying.front()->since);
            if (age >= answerWithin_) {
                why = {Cause::Slow, connection.peer().text()};
                break;
            }
            wait = answerWithin_ - age;
        }
        {
            const std::lock_guard lock(mutex_);
            if (!queued_.empty()) continue;
            asleep_ = true;
        }
        pollfd items[] = {{connection.fd(), static_cast<short>(connection.wanted() | (sending.empty() ? 0 : POLLOUT)), 0},
                          {bell_.fd(), POLLIN, 0}};
        const int ready = ::poll(items, 2, static_cast<int>(wait.count()) + 1);
        if (items[1].revents != 0) bell_.silence();
        const std::lock_guard lock(mutex_);
        asleep_ = false;
        if (ready == 0 && flying.empty() && queued_.empty()) {
            auto slot = std::make_shared<Slot>();
            slot->since = steady_clock::now();
            queued_.push_back(std::move(slot));
            outgoing_ += ping;
        }
    }
    release(flying);
    return why;
}

bool Wire::collect(std::string& sending, Slots& flying) {
    const std::lock_guard lock(mutex_);
    if (queued_.empty()) return false;
    sending += outgoing_;
    outgoing_.clear();
    for (auto& slot : queued_) flying.push_back(std::move(slot));
    queued_.clear();
    flyingCount_ = flying.size();
    return true;
}

bool Wire::deliver(Connection& connection, Slots& flying, Trouble& why) {
    Reply reply;
    for (;;) {
        const auto got = connection.replies().next(reply);
        if (got == ReplyReader::Got::More) return true;
        if (got == ReplyReader::Got::Broken || flying.empty()) {
            why = {Cause::NotRedis, connection.peer().text()};
            return false;
        }
        const bool ends = reply.isError() && (why = troubleOf(reply.text)).endsConnection();
        {
            const std::lock_guard lock(mutex_);
            auto& slot = *flying.front();
            slot.reply = std::move(reply);
            slot.state = Slot::State::Answered;
            slot.changed.notify_one();
            flying.pop_front();
            flyingCount_ = flying.size();
        }
        if (ends) return false;
        why = {Cause::Gone, connection.peer().text()};
    }
}

/// The connection is over: everybody who waits is told.
void Wire::release(Slots& flying) {
    const std::lock_guard lock(mutex_);
    up_ = false;
    outgoing_.clear();
    for (auto* slots : {&flying, &queued_}) {
        for (auto& slot : *slots) {
            slot->state = Slot::State::Away;
            slot->changed.notify_one();
        }
        slots->clear();
    }
    flyingCount_ = 0;
}

void Wire::pause(milliseconds length) {
    const auto until = steady_clock::now() + length;
    while (!stopping_) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now()).count();
        if (left <= 0) return;
        pollfd item{bell_.fd(), POLLIN, 0};
        if (::poll(&item, 1, static_cast<int>(left)) > 0 && !stopping_) bell_.silence();
    }
}

}  // namespace agentidp::ratelimit_redis
