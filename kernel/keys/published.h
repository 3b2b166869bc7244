#pragma once
/// @file kernel/keys/published.h
/// One immutable value that many threads read all the time and one replaces now and then. Reading takes no lock unless the
/// value changed since this thread last looked: each thread keeps the pointer it saw and compares a counter.
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace agentidp::keys {

/// Any thread may call both. A thread that never reads again keeps the last value it saw alive until it ends.
template <class T>
class Published {
public:
    using Pointer = std::shared_ptr<const T>;

    explicit Published(Pointer first) { set(std::move(first)); }
    Published(const Published&) = delete;
    Published& operator=(const Published&) = delete;

    void set(Pointer value) {
        // Versions are unique among all objects of this type, so that one cache a thread serves them all.
        static std::atomic<std::uint64_t> versions{0};
        const std::lock_guard lock(mutex_);
        value_ = std::move(value);
        version_.store(versions.fetch_add(1, std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    [[nodiscard]] Pointer get() const {
        struct Seen {
            std::uint64_t version = 0;
            Pointer value;
        };
        thread_local Seen seen;
        if (version_.load(std::memory_order_acquire) != seen.version) {
            const std::lock_guard lock(mutex_);
            seen.value = value_;
            seen.version = version_.load(std::memory_order_relaxed);
        }
        return seen.value;
    }

private:
    mutable std::mutex mutex_;
    Pointer value_;
    std::atomic<std::uint64_t> version_{0};
};

}  // namespace agentidp::keys
