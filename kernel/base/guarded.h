#pragma once
/// @file kernel/base/guarded.h
/// Data and its mutex as one object: there is no way to the data without the lock.
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace agentidp::base {

/// `auto held = guarded.lock(); held->field = 1;` The lock lives as long as the handle.
template <class T>
class Guarded {
public:
    class Held {
    public:
        Held(std::mutex& mutex, T& data) : lock_(mutex), data_(data) {}
        T* operator->() { return &data_; }
        T& operator*() { return data_; }
        /// For condition variables.
        std::unique_lock<std::mutex>& raw() { return lock_; }

    private:
        std::unique_lock<std::mutex> lock_;
        T& data_;
    };

    Guarded() = default;
    explicit Guarded(T data) : data_(std::move(data)) {}
    [[nodiscard]] Held lock() { return Held(mutex_, data_); }

private:
    std::mutex mutex_;
    T data_{};
};

/// The same for what is read far more often than written.
template <class T>
class SharedGuarded {
public:
    template <class Lock, class U>
    class Held {
    public:
        Held(std::shared_mutex& mutex, U& data) : lock_(mutex), data_(data) {}
        U* operator->() { return &data_; }
        U& operator*() { return data_; }

    private:
        Lock lock_;
        U& data_;
    };

    SharedGuarded() = default;
    explicit SharedGuarded(T data) : data_(std::move(data)) {}
    [[nodiscard]] auto read() const { return Held<std::shared_lock<std::shared_mutex>, const T>(mutex_, data_); }
    [[nodiscard]] auto write() { return Held<std::unique_lock<std::shared_mutex>, T>(mutex_, data_); }

private:
    mutable std::shared_mutex mutex_;
    T data_{};
};

}  // namespace agentidp::base
