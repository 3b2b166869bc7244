#pragma once
/// @file plugins/storage-sqlite/checkpointer.h
/// Moves pages from the write-ahead log into the database, off the committing thread: each 100 ms what readers allow
/// (PASSIVE), and past 8,192 pages the same with the writers held back, after which the log begins anew. SQLite's own
/// autocheckpoint stalls commits; PASSIVE alone lets the log grow without end under constant load.
#include <agentidp/plugin.hpp>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "connection.h"
#include "gate.h"

namespace agentidp::storage_sqlite {

class Checkpointer {
public:
    /// Starts its thread. `connection` is its own; `writers` outlives it.
    Checkpointer(std::unique_ptr<Connection> connection, Gate& writers, const aip::Host& host);
    ~Checkpointer();
    Checkpointer(const Checkpointer&) = delete;
    Checkpointer& operator=(const Checkpointer&) = delete;

    /// After each commit, by the committing thread: how many pages the log holds now.
    void committed(int pages);
    [[nodiscard]] int pages() const { return pages_.load(std::memory_order_relaxed); }
    /// The sentence of the last failure, empty after a success.
    [[nodiscard]] std::string trouble() const;

private:
    void work();
    void checkpoint();

    std::unique_ptr<Connection> connection_;
    Gate& writers_;
    aip::Host host_;
    std::atomic<int> pages_{0};
    std::atomic<int> urgentAt_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool urgent_ = false;
    bool stopping_ = false;
    std::string trouble_;
    std::thread thread_;
};

}  // namespace agentidp::storage_sqlite
