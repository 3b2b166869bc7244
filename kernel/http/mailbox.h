#pragma once
/// @file kernel/http/mailbox.h
/// How an answer given on any thread finds its connection. Outlives the loop it belongs to, so that a late Respond is harmless.
/// Inside http/ only.
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "http/message.h"

namespace agentidp::http {

/// One answer on its way to a connection; no response = the Respond died unused.
struct Delivery {
    std::uint64_t connection = 0;
    std::optional<Response> response;
};

class Mailbox {
public:
    /// `here`: on the loop's own thread, takes one at once. `wake`: from any thread, makes the loop collect() soon; called
    /// under the lock, once a burst.
    struct Owner {
        std::function<void(Delivery&&)> here;
        std::function<void()> wake;
    };
    explicit Mailbox(Owner owner) : owner_(std::move(owner)) {}

    void deliver(Delivery&& delivery);
    void deliver(std::vector<Delivery>&& burst);
    [[nodiscard]] std::vector<Delivery> collect();
    /// Whatever comes later is dropped.
    void close();
    /// Says that the calling thread is the loop's; null when it ceases to be.
    static void enter(const Mailbox* mailbox);

private:
    std::mutex mutex_;
    std::vector<Delivery> waiting_;
    bool open_ = true;
    Owner owner_;
};

/// A Respond for one request on one connection.
[[nodiscard]] Respond respondThrough(std::shared_ptr<Mailbox> mailbox, std::uint64_t connection);

}  // namespace agentidp::http
