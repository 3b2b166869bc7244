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
/// Who reads sees the end of the connection too.
constexpr milliseconds kEnding{10};
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
    connection_ = std::move(connection);
    up_ = connection_ != nullptr;
    quietSince_ = steady_clock::now();
    if (up_) standing_.up(connection_->peer().text());
    keeper_ = std::thread([this] { keep(); });
}

void Wire::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    keeperBell_.ring();
    bell_.ring();
    if (keeper_.joinable()) keeper_.join();
}

std::size_t Wire::load() const {
    const std::lock_guard lock(mutex_);
    return up_ ? flying_.size() : std::numeric_limits<std::size_t>::max();
}

Wire::Asked Wire::ask(const std::string& command, const aip::Call& call, Moment until, Reply& reply) {
    return askFor(command, &call, until, reply);
}

Wire::Asked Wire::askFor(const std::string& command, const aip::Call* call, Moment until, Reply& reply) {
    Lock lock(mutex_);
    if (!up_ || flying_.size() >= kMostWaiting) return Asked::Away;
    const auto slot = enqueue(command);
    const Asked asked = await(lock, *slot, call, until);
    slot->left = true;
    if (!turn_) passOn();
    if (asked == Asked::Answered) reply = std::move(slot->reply);
    return asked;
}

Wire::SlotPtr Wire::enqueue(const std::string& command) {
    auto slot = std::make_shared<Slot>();
    slot->since = steady_clock::now();
    flying_.push_back(slot);
    std::string_view rest = command;
    // A plain socket can be written while another thread reads it, TLS cannot. What cannot be sent now, who has the turn sends.
    const bool mine = unsent_.empty() && (!turn_ || connection_->plain());
    if (mine) (void)connection_->send(rest);
    if (rest.empty()) return slot;
    unsent_ += rest;
    if (asleep_) {
        asleep_ = false;
        bell_.ring();
    }
    return slot;
}

Wire::Asked Wire::await(Lock& lock, Slot& slot, const aip::Call* call, Moment until) {
    while (slot.state == Slot::State::Waiting) {
        const auto now = steady_clock::now();
        if (now >= until) return Asked::Late;
        if (call != nullptr && call->cancelled()) return Asked::Cancelled;
        const auto look = std::min(until, now + kLook);
        if (turn_)
            slot.changed.wait_until(lock, look);
        else
            serve(lock, look);
    }
    return slot.state == Slot::State::Answered ? Asked::Answered : Asked::Away;
}

void Wire::serve(Lock& lock, Moment until) {
    using Io = Connection::Io;
    turn_ = true;
    auto& connection = *connection_;
    std::string_view rest = unsent_;
    const Io sent = connection.send(rest);
    unsent_.erase(0, unsent_.size() - rest.size());
    const bool more = !unsent_.empty();
    asleep_ = true;
    lock.unlock();
    // Under TLS what came may have been read already.
    Io received = connection.plain() ? Io::Again : connection.receive();
    if (received == Io::Again && sent != Io::Ended) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now()).count();
        pollfd items[] = {{connection.fd(), static_cast<short>(connection.wanted() | (more ? POLLOUT : 0)), 0}, {bell_.fd(), POLLIN, 0}};
        (void)::poll(items, 2, static_cast<int>(std::max<std::int64_t>(0, left)) + 1);
        if (items[1].revents != 0) bell_.silence();
        if (items[0].revents != 0) received = connection.receive();
    }
    lock.lock();
    turn_ = asleep_ = false;
    Trouble why;
    if (!deliver(why)) return end(why);
    if (sent == Io::Ended || received == Io::Ended) return end({Cause::Gone, connection.peer().text()});
    const auto now = steady_clock::now();
    if (flying_.empty())
        quietSince_ = now;
    else if (now - flying_.front()->since >= answerWithin_)
        end({Cause::Slow, connection.peer().text()});
}

bool Wire::deliver(Trouble& why) {
    Reply reply;
    for (;;) {
        const auto got = connection_->replies().next(reply);
        if (got == ReplyReader::Got::More) return true;
        if (got == ReplyReader::Got::Broken || flying_.empty()) {
            why = {Cause::NotRedis, connection_->peer().text()};
            return false;
        }
        const bool ends = reply.isError() && (why = troubleOf(reply.text)).endsConnection();
        auto& slot = *flying_.front();
        slot.reply = std::move(reply);
        slot.state = Slot::State::Answered;
        slot.changed.notify_one();
        flying_.pop_front();
        if (ends) return false;
    }
}

void Wire::passOn() {
    if (!up_ || flying_.empty()) return;
    const auto next = std::find_if(flying_.begin(), flying_.end(), [](const auto& slot) { return !slot->left; });
    if (next != flying_.end())
        (*next)->changed.notify_one();
    else
        keeperBell_.ring();
}

void Wire::end(const Trouble& why) {
    // Before anybody who is told can ask how it stands.
    if (!stopping_) standing_.down(why);
    up_ = false;
    unsent_.clear();
    for (auto& slot : flying_) {
        slot->state = Slot::State::Away;
        slot->changed.notify_one();
    }
    flying_.clear();
    keeperBell_.ring();
}

void Wire::keep() {
    static const std::string ping = command({"PING"});
    Backoff backoff;
    if (!connection_) {
        pause(backoff.next());
        dialAgain(backoff);
    }
    auto began = steady_clock::now();
    Lock lock(mutex_);
    while (!stopping_) {
        if (!up_) {
            // Nobody has the turn, and nobody takes it while it is down.
            connection_.reset();
            lock.unlock();
            if (steady_clock::now() - began > kProven) backoff.reset();
            pause(backoff.next());
            dialAgain(backoff);
            began = steady_clock::now();
            lock.lock();
            continue;
        }
        const bool orphaned =
            !turn_ && !flying_.empty() && std::all_of(flying_.begin(), flying_.end(), [](const auto& slot) { return slot->left; });
        if (orphaned) {
            serve(lock, steady_clock::now() + kLook);
            passOn();
            continue;
        }
        if (flying_.empty() && steady_clock::now() - quietSince_ >= kIdle) {
            quietSince_ = steady_clock::now();
            lock.unlock();
            Reply pong;
            (void)askFor(ping, nullptr, steady_clock::now() + answerWithin_ + kLook, pong);
            lock.lock();
            continue;
        }
        // Its end is looked for here, its answers by those who wait for them.
        pollfd items[] = {{connection_->fd(), POLLRDHUP, 0}, {keeperBell_.fd(), POLLIN, 0}};
        const auto wait = flying_.empty() ? quietSince_ + kIdle - steady_clock::now() : kIdle;
        lock.unlock();
        (void)::poll(items, 2, static_cast<int>(std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(wait).count())) + 1);
        if (items[1].revents != 0) keeperBell_.silence();
        lock.lock();
        if (items[0].revents == 0 || !up_ || stopping_) continue;
        if (!turn_) {
            serve(lock, steady_clock::now());
            passOn();
        } else {
            lock.unlock();
            pause(kEnding);
            lock.lock();
        }
    }
    if (up_) end({Cause::Gone, connection_->peer().text()});
}

void Wire::dialAgain(Backoff& backoff) {
    while (!stopping_) {
        Trouble why;
        auto connection = dialer_.dial(stopping_, why);
        if (stopping_) return;
        if (connection) {
            standing_.up(connection->peer().text());
            const std::lock_guard lock(mutex_);
            connection_ = std::move(connection);
            quietSince_ = steady_clock::now();
            up_ = true;
            return;
        }
        standing_.stillDown(why);
        pause(backoff.next());
    }
}

void Wire::pause(milliseconds length) {
    const auto until = steady_clock::now() + length;
    while (!stopping_) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now()).count();
        if (left <= 0) return;
        pollfd item{keeperBell_.fd(), POLLIN, 0};
        if (::poll(&item, 1, static_cast<int>(left)) > 0 && !stopping_) keeperBell_.silence();
    }
}

}  // namespace agentidp::ratelimit_redis
