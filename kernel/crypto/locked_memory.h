#pragma once
/// @file kernel/crypto/locked_memory.h
/// Memory that stays out of swap and core dumps, as far as the limits of the process allow (RLIMIT_MEMLOCK): where locking is
/// refused the bytes are kept all the same, and `locked()` says so. Any thread.
#include "base/bytes.h"
#include "base/secret.h"

namespace agentidp::crypto {

/// Owns a copy of secret bytes in pages of its own: locked, not dumped, wiped when it dies. Move only.
class LockedBytes {
public:
    LockedBytes() = default;
    /// Throws std::bad_alloc if the system has no pages.
    explicit LockedBytes(base::BytesView bytes);
    ~LockedBytes();
    LockedBytes(LockedBytes&& other) noexcept;
    LockedBytes& operator=(LockedBytes&& other) noexcept;
    LockedBytes(const LockedBytes&) = delete;
    LockedBytes& operator=(const LockedBytes&) = delete;

    [[nodiscard]] base::BytesView view() const { return {data_, size_}; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] bool locked() const { return locked_; }

private:
    void release() noexcept;

    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t pages_ = 0;
    bool locked_ = false;
};

/// Gives the library that signs an arena of its own for private numbers. Idempotent; every private key calls it.
void useLockedKeyArena();

}  // namespace agentidp::crypto
