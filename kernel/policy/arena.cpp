#include "policy/arena.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace agentidp::policy::sandbox {

Arena::Arena() {
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kFirstChunk));
    large_ = {&large_, &large_};
    reset();
}

Arena::~Arena() { dropLarge(); }

void Arena::dropLarge() {
    for (Large* at = large_.after; at != &large_;) std::free(std::exchange(at, at->after));
    large_ = {&large_, &large_};
}

void Arena::reset() {
    dropLarge();
    chunks_.resize(1);
    next_ = chunks_.front().get();
    left_ = kFirstChunk;
    held_ = kFirstChunk;
    free_.fill(nullptr);
}

void* Arena::take(std::size_t size) {
    if (size > kSmallBlock) {
        auto* block = static_cast<Large*>(std::malloc(sizeof(Large) + size));
        if (block == nullptr) return nullptr;
        *block = {&large_, large_.after};
        large_.after->before = block;
        large_.after = block;
        held_ += size;
        return block + 1;
    }
    const std::size_t which = classOf(size);
    if (Free* block = free_[which]) {
        free_[which] = block->next;
        return block;
    }
    const std::size_t whole = which * kGrain;
    if (left_ < whole) {
        auto chunk = std::unique_ptr<std::byte[]>(new (std::nothrow) std::byte[kNextChunk]);
        if (!chunk) return nullptr;
        next_ = chunk.get();
        left_ = kNextChunk;
        held_ += kNextChunk;
        chunks_.push_back(std::move(chunk));
    }
    void* block = next_;
    next_ += whole;
    left_ -= whole;
    return block;
}

void Arena::release(void* block, std::size_t size) {
    if (size > kSmallBlock) {
        Large* large = static_cast<Large*>(block) - 1;
        large->before->after = large->after;
        large->after->before = large->before;
        held_ -= size;
        std::free(large);
        return;
    }
    auto* freed = static_cast<Free*>(block);
    freed->next = free_[classOf(size)];
    free_[classOf(size)] = freed;
}

void* Arena::resize(void* block, std::size_t old, std::size_t wanted) {
    if (block == nullptr) return take(wanted);
    if (old <= kSmallBlock && classOf(old) == classOf(wanted)) return block;
    void* fresh = take(wanted);
    // Lua relies on it that shrinking cannot fail: the larger block serves as well, and goes with the arena.
    if (fresh == nullptr) return nullptr;
    std::memcpy(fresh, block, std::min(old, wanted));
    release(block, old);
    return fresh;
}

}  // namespace agentidp::policy::sandbox
