#pragma once
/// @file plugins/ratelimit/siphash.h
/// SipHash-2-4 with 128 bits (Aumasson, Bernstein 2012): names of budgets come from strangers, and who does not know the seed can neither
/// make two of them collide nor crowd one shard. Any thread.
#include <cstdint>
#include <cstring>
#include <string_view>

namespace agentidp::ratelimit {

struct HashSeed {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

struct Hash128 {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    bool operator==(const Hash128&) const = default;
};

namespace detail {
struct SipState {
    std::uint64_t v0, v1, v2, v3;

    static std::uint64_t turn(std::uint64_t word, unsigned by) { return word << by | word >> (64U - by); }
    void round() {
        v0 += v1, v1 = turn(v1, 13) ^ v0, v0 = turn(v0, 32);
        v2 += v3, v3 = turn(v3, 16) ^ v2;
        v0 += v3, v3 = turn(v3, 21) ^ v0;
        v2 += v1, v1 = turn(v1, 17) ^ v2, v2 = turn(v2, 32);
    }
    void absorb(std::uint64_t word) {
        v3 ^= word;
        round(), round();
        v0 ^= word;
    }
    [[nodiscard]] std::uint64_t squeeze() {
        round(), round(), round(), round();
        return v0 ^ v1 ^ v2 ^ v3;
    }
};
}  // namespace detail

inline Hash128 sipHash(const HashSeed& seed, std::string_view text) {
    detail::SipState state{seed.low ^ 0x736f6d6570736575U, seed.high ^ 0x646f72616e646f6dU ^ 0xeeU, seed.low ^ 0x6c7967656e657261U,
                           seed.high ^ 0x7465646279746573U};
    std::size_t at = 0;
    std::uint64_t word = 0;
    for (; at + 8 <= text.size(); at += 8) {
        std::memcpy(&word, text.data() + at, 8);  // little-endian machines only, as the reference vectors want it
        state.absorb(word);
    }
    word = static_cast<std::uint64_t>(text.size()) << 56U;
    for (std::size_t i = 0; at + i < text.size(); ++i) word |= std::uint64_t{static_cast<unsigned char>(text[at + i])} << (8 * i);
    state.absorb(word);
    Hash128 out;
    state.v2 ^= 0xeeU;
    out.low = state.squeeze();
    state.v1 ^= 0xddU;
    out.high = state.squeeze();
    return out;
}

}  // namespace agentidp::ratelimit
