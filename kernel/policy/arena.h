#pragma once
/// @file kernel/policy/arena.h
/// Memory of one Lua state: small blocks from chunks with free lists by size, large ones from the heap; everything goes at once with
/// reset() or the arena itself, so that a state is dropped instead of closed (nothing in it has a destructor). One thread at a time.
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace agentidp::policy::sandbox {

inline constexpr std::size_t kSmallBlock = 1024;         ///< up to here blocks come from chunks
inline constexpr std::size_t kFirstChunk = 64U * 1024U;  ///< kept through reset()
inline constexpr std::size_t kNextChunk = 256U * 1024U;

class Arena {
public:
    Arena();
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    /// As realloc with the old size told; null where the heap has none. A smaller `wanted` never fails.
    [[nodiscard]] void* resize(void* block, std::size_t old, std::size_t wanted);
    void release(void* block, std::size_t size);
    /// Every block is gone.
    void reset();
    /// What it holds of the heap.
    [[nodiscard]] std::size_t held() const { return held_; }

private:
    struct Free {
        Free* next;
    };
    struct Large {
        Large* before;
        Large* after;
    };
    static constexpr std::size_t kGrain = 16;
    static std::size_t classOf(std::size_t size) { return (size + kGrain - 1) / kGrain; }
    void* take(std::size_t size);
    void dropLarge();

    std::array<Free*, kSmallBlock / kGrain + 1> free_{};
    std::vector<std::unique_ptr<std::byte[]>> chunks_;
    std::byte* next_ = nullptr;
    std::size_t left_ = 0;
    std::size_t held_ = 0;
    Large large_{};  ///< a ring
};

}  // namespace agentidp::policy::sandbox
