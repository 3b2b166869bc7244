#include "http/loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "http/connection.h"

namespace agentidp::http {
namespace {

constexpr std::size_t kScratch = 64U << 10U;
constexpr std::size_t kKeptOutput = 256U << 10U;
constexpr base::milliseconds kDrainTick{20};

base::MonoInstant now() { return std::chrono::time_point_cast<base::nanoseconds>(std::chrono::steady_clock::now()); }

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this == &other) return *this;
    if (valid()) ::close(number_);
    number_ = other.release();
    return *this;
}

Descriptor::~Descriptor() {
    if (valid()) ::close(number_);
}

// Connections closed during a turn stay in memory until its end, since their own functions may be on the stack.
class Turn {
public:
    explicit Turn(Loop& loop) : loop_(loop) { ++loop_.turns_; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        if (--loop_.turns_ > 0) return;
        loop_.closed_.clear();
        if (loop_.output_.capacity() > kKeptOutput) loop_.output_ = {};
    }

private:
    Loop& loop_;
};

// Only this loop's thread touches its sockets, so the reactor needs no locks; posting from other threads stays safe.
Loop::Loop(Common& common) : common_(common), io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO), timer_(io_), scratch_(kScratch) {
    mailbox_ = std::make_shared<Mailbox>(Mailbox::Owner{
        [this](Delivery&& delivery) { answer(std::move(delivery)); },
        [this] { boost::asio::post(io_, [this] { collect(); }); },
    });
}

Loop::~Loop() {
    mailbox_->close();
    closed_.clear();
    slots_.clear();
}

void Loop::run() {
    Mailbox::enter(mailbox_.get());
    const auto work = boost::asio::make_work_guard(io_);
    io_.run();
    Mailbox::enter(nullptr);
}

void Loop::adopt(Descriptor socket) {
    open_.fetch_add(1, std::memory_order_relaxed);
    boost::asio::post(io_, [this, socket = std::move(socket)]() mutable { take(std::move(socket)); });
}

void Loop::take(Descriptor socket) {
    const Turn turn(*this);
    if (freeSlots_.empty()) {
        slots_.emplace_back();
        freeSlots_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const std::uint32_t index = freeSlots_.back();
    freeSlots_.pop_back();
    Slot& slot = slots_[index];
    slot.connection = std::make_unique<Connection>(*this, (std::uint64_t{slot.generation} << 32U) | index, socket.release());
    slot.connection->start();
}

Connection* Loop::find(std::uint64_t id) {
    const auto index = static_cast<std::uint32_t>(id);
    if (index >= slots_.size() || slots_[index].generation != static_cast<std::uint32_t>(id >> 32U)) return nullptr;
    return slots_[index].connection.get();
}

void Loop::ready(std::uint64_t id, void (Connection::*step)()) {
    const Turn turn(*this);
    if (auto* connection = find(id)) (connection->*step)();
}

void Loop::resumeLater(std::uint64_t id) {
    boost::asio::post(io_, [this, id] { ready(id, &Connection::resume); });
}

void Loop::answer(Delivery&& delivery) {
    const Turn turn(*this);
    auto* connection = find(delivery.connection);
    if (connection == nullptr) return;
    connection->answer(std::move(delivery.response));
    connection->proceed();
}

void Loop::collect() {
    const Turn turn(*this);
    for (auto& delivery : mailbox_->collect()) answer(std::move(delivery));
}

void Loop::close(Connection& connection) {
    unlink(connection);
    const auto index = static_cast<std::uint32_t>(connection.id());
    Slot& slot = slots_[index];
    closed_.push_back(std::move(slot.connection));
    ++slot.generation;
    freeSlots_.push_back(index);
    if (open_.fetch_sub(1) == 1 && common_.draining.load()) {
        const std::lock_guard lock(common_.emptyMutex);
        common_.empty.notify_all();
    }
}

bool Loop::hold(std::size_t& counted, std::size_t now) {
    incomplete_ += now - counted;
    counted = now;
    return incomplete_ <= common_.incompleteShare;
}

base::milliseconds Loop::durationOf(Wait wait) const {
    const Deadlines& deadlines = common_.options.deadlines;
    switch (wait) {
        case Wait::Handshake: return deadlines.handshake;
        case Wait::FirstHead:
        case Wait::Head: return deadlines.head;
        case Wait::Idle: return deadlines.idle;
        case Wait::Body: return deadlines.body;
        case Wait::Write: return deadlines.write;
        case Wait::Linger: return deadlines.linger;
        case Wait::None: break;
    }
    return base::milliseconds::max();
}

void Loop::unlink(Connection& connection) {
    if (connection.wait_ == Wait::None) return;
    WaitList& list = waiting_[static_cast<std::size_t>(connection.wait_)];
    (connection.previous_ != nullptr ? connection.previous_->next_ : list.first) = connection.next_;
    (connection.next_ != nullptr ? connection.next_->previous_ : list.last) = connection.previous_;
    connection.previous_ = connection.next_ = nullptr;
    connection.wait_ = Wait::None;
}

void Loop::wait(Connection& connection, Wait wait) {
    unlink(connection);
    if (wait == Wait::None) return;
    connection.wait_ = wait;
    connection.deadline_ = now() + durationOf(wait);
    WaitList& list = waiting_[static_cast<std::size_t>(wait)];
    connection.previous_ = list.last;
    (list.last != nullptr ? list.last->next_ : list.first) = &connection;
    list.last = &connection;
    if (connection.deadline_ < armedFor_) arm(connection.deadline_);
}

void Loop::arm(base::MonoInstant at) {
    armedFor_ = at;
    timer_.expires_at(std::chrono::steady_clock::time_point(at.time_since_epoch()));
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) tick();
    });
}

void Loop::tick() {
    const Turn turn(*this);
    armedFor_ = base::MonoInstant::max();
    const auto at = now();
    auto next = base::MonoInstant::max();
    for (WaitList& list : waiting_) {
        while (list.first != nullptr && list.first->deadline_ <= at) list.first->onDeadline();
        if (list.first != nullptr) next = std::min(next, list.first->deadline_);
    }
    if (common_.draining.load()) {
        closeQuiet();
        next = std::min(next, at + kDrainTick);
    }
    if (next < armedFor_) arm(next);
}

// A client that has been quiet for a while is unlikely to be sending just now; closing on one that is would lose its request.
void Loop::closeQuiet() {
    const auto patience = common_.options.deadlines.patience;
    for (const Wait wait : {Wait::FirstHead, Wait::Idle}) (void)shedFrom(wait, static_cast<std::size_t>(-1), patience);
}

std::size_t Loop::shedFrom(Wait wait, std::size_t count, base::nanoseconds age) {
    std::size_t gone = 0;
    const auto youngest = now() - age + durationOf(wait);
    WaitList& list = waiting_[static_cast<std::size_t>(wait)];
    while (gone < count && list.first != nullptr && list.first->deadline_ <= youngest) {
        list.first->leave();
        ++gone;
    }
    return gone;
}

void Loop::shed(std::size_t count) {
    boost::asio::post(io_, [this, count] {
        const Turn turn(*this);
        const auto patience = common_.options.deadlines.patience;
        std::size_t gone = 0;
        // First who has never brought a request, then who has none now, then who is slow about the next one.
        for (const Wait wait : {Wait::Handshake, Wait::FirstHead}) gone += shedFrom(wait, count - gone, patience);
        gone += shedFrom(Wait::Idle, count - gone, patience / 4);
        gone += shedFrom(Wait::Head, count - gone, patience);
        shed_.store(shed_.load(std::memory_order_relaxed) + gone, std::memory_order_relaxed);
    });
}

void Loop::drain() {
    boost::asio::post(io_, [this] { tick(); });
}

void Loop::stop() {
    boost::asio::post(io_, [this] {
        const Turn turn(*this);
        mailbox_->close();
        for (auto& slot : slots_) {
            if (slot.connection) slot.connection->leave();
        }
        io_.stop();
    });
}

void Loop::addTo(ListenerStatistics& statistics) const {
    statistics.open += open();
    statistics.requests += requests_.load(std::memory_order_relaxed);
    statistics.shed += shed_.load(std::memory_order_relaxed);
    for (std::size_t status = 0; status < refused_.size(); ++status) {
        statistics.refused[status] += refused_[status].load(std::memory_order_relaxed);
    }
}

}  // namespace agentidp::http
