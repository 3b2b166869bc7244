#include "crypto/locked_memory.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

namespace agentidp::crypto {

LockedBytes::LockedBytes(base::BytesView bytes) : size_(bytes.size()) {
    if (bytes.empty()) return;
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    pages_ = (bytes.size() + page - 1) / page * page;
    void* memory = mmap(nullptr, pages_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    locked_ = mlock(memory, pages_) == 0;
    (void)madvise(memory, pages_, MADV_DONTDUMP);
    (void)madvise(memory, pages_, MADV_WIPEONFORK);
    data_ = static_cast<std::uint8_t*>(memory);
    std::copy(bytes.begin(), bytes.end(), data_);
}

LockedBytes::~LockedBytes() { release(); }

LockedBytes::LockedBytes(LockedBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      pages_(std::exchange(other.pages_, 0)),
      locked_(std::exchange(other.locked_, false)) {}

LockedBytes& LockedBytes::operator=(LockedBytes&& other) noexcept {
    if (this != &other) {
        release();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        pages_ = std::exchange(other.pages_, 0);
        locked_ = std::exchange(other.locked_, false);
    }
    return *this;
}

void LockedBytes::release() noexcept {
    if (data_ == nullptr) return;
    base::wipe(data_, size_);
    (void)munmap(data_, pages_);
}

void useLockedKeyArena() {
    // Room for some dozens of RSA keys of 8,192 bits. Where the arena cannot be made, the library uses its ordinary heap.
    constexpr std::size_t kArena = std::size_t{1} << 18U;
    static std::once_flag once;
    std::call_once(once, [] {
        if (CRYPTO_secure_malloc_initialized() == 0) (void)CRYPTO_secure_malloc_init(kArena, 32);
    });
}

}  // namespace agentidp::crypto
