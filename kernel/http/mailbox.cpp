#include "http/mailbox.h"

#include <algorithm>
#include <atomic>
#include <iterator>

#include "http/listener.h"

namespace agentidp::http {
namespace {

struct Held {
    std::shared_ptr<Mailbox> mailbox;
    std::vector<Delivery> deliveries;
};

thread_local const Mailbox* ownMailbox = nullptr;
thread_local unsigned bursts = 0;
thread_local std::vector<Held> held;

void hold(const std::shared_ptr<Mailbox>& mailbox, Delivery&& delivery) {
    auto place = std::find_if(held.begin(), held.end(), [&](const Held& other) { return other.mailbox == mailbox; });
    if (place == held.end()) place = held.insert(held.end(), Held{mailbox, {}});
    place->deliveries.push_back(std::move(delivery));
}

// What all copies of one Respond share. The last of them to die says so if none was called.
class Ticket {
public:
    Ticket(std::shared_ptr<Mailbox> mailbox, std::uint64_t connection) : mailbox_(std::move(mailbox)), connection_(connection) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() {
        if (!used_.load()) send({connection_, std::nullopt});
    }
    void answer(Response&& response) {
        if (!used_.exchange(true)) send({connection_, std::move(response)});
    }

private:
    void send(Delivery&& delivery) {
        if (bursts > 0) {
            hold(mailbox_, std::move(delivery));
        } else {
            mailbox_->deliver(std::move(delivery));
        }
    }
    std::shared_ptr<Mailbox> mailbox_;
    std::uint64_t connection_;
    std::atomic<bool> used_{false};
};

}  // namespace

void Mailbox::enter(const Mailbox* mailbox) { ownMailbox = mailbox; }

void Mailbox::deliver(Delivery&& delivery) {
    if (ownMailbox == this) return owner_.here(std::move(delivery));
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    waiting_.push_back(std::move(delivery));
    if (waiting_.size() == 1) owner_.wake();
}

void Mailbox::deliver(std::vector<Delivery>&& burst) {
    const std::lock_guard lock(mutex_);
    if (!open_ || burst.empty()) return;
    const bool asleep = waiting_.empty();
    std::move(burst.begin(), burst.end(), std::back_inserter(waiting_));
    if (asleep) owner_.wake();
}

std::vector<Delivery> Mailbox::collect() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
}

void Mailbox::close() {
    std::vector<Delivery> dropped;
    const std::lock_guard lock(mutex_);
    open_ = false;
    dropped.swap(waiting_);
}

Respond respondThrough(std::shared_ptr<Mailbox> mailbox, std::uint64_t connection) {
    return
        [ticket = std::make_shared<Ticket>(std::move(mailbox), connection)](Response&& response) { ticket->answer(std::move(response)); };
}

AnswerBurst::AnswerBurst() { ++bursts; }

AnswerBurst::~AnswerBurst() {
    if (--bursts > 0) return;
    for (auto& [mailbox, deliveries] : std::exchange(held, {})) mailbox->deliver(std::move(deliveries));
}

}  // namespace agentidp::http
