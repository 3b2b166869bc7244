#include "base/ids.h"

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "base/secret.h"

namespace agentidp::base {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

std::string format(const std::array<std::uint8_t, 16>& raw) {
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
        text.push_back(kHex[raw[i] >> 4U]);
        text.push_back(kHex[raw[i] & 15U]);
    }
    return text;
}

int hexDigit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

void draw(std::span<std::uint8_t> out) {
    while (!out.empty()) {
        const auto got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            std::abort();
        }
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

/// Random bytes of one thread, drawn in advance: a system call costs more than most uses. What was handed out is wiped here, and a
/// forked child throws the rest away.
class Pool {
public:
    static constexpr std::size_t kMost = 64;  ///< at once

    ~Pool() { wipe(bytes_.data(), bytes_.size()); }
    void take(std::span<std::uint8_t> out) {
        static const int kWatched = ::pthread_atfork(nullptr, nullptr, [] { forks_.fetch_add(1, std::memory_order_relaxed); });
        if (kWatched != 0) return draw(out);
        const auto forks = forks_.load(std::memory_order_relaxed);
        if (bytes_.size() - used_ < out.size() || forks != seenForks_) {
            draw(bytes_);
            used_ = 0;
            seenForks_ = forks;
        }
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(used_), out.size(), out.begin());
        wipe(bytes_.data() + used_, out.size());
        used_ += out.size();
    }

private:
    static inline std::atomic<unsigned> forks_{0};
    std::array<std::uint8_t, 1024> bytes_{};
    std::size_t used_ = 1024;
    unsigned seenForks_ = 0;
};

}  // namespace

void fillRandom(std::span<std::uint8_t> out) {
    if (out.size() > Pool::kMost) return draw(out);
    thread_local Pool pool;
    pool.take(out);
}

std::string uuidV4() {
    std::array<std::uint8_t, 16> raw{};
    fillRandom(raw);
    raw[6] = static_cast<std::uint8_t>((raw[6] & 0x0FU) | 0x40U);
    raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3FU) | 0x80U);
    return format(raw);
}

std::string uuidV7(Instant at) {
    std::array<std::uint8_t, 8> random{};
    fillRandom(random);
    return uuidV7(at, random);
}

std::string uuidV7(Instant at, std::span<const std::uint8_t, 8> random) {
    const auto micros = static_cast<std::uint64_t>(microsOf(at));
    const std::uint64_t millis = micros / 1000;
    // RFC 9562 section 6.2, method 3: the 12 bits after the version carry the fraction of the millisecond.
    const std::uint64_t fraction = (micros % 1000) * 4096 / 1000;
    std::array<std::uint8_t, 16> raw{};
    for (unsigned i = 0; i < 6; ++i) raw[i] = static_cast<std::uint8_t>(millis >> (40U - 8U * i));
    raw[6] = static_cast<std::uint8_t>(0x70U | (fraction >> 8U));
    raw[7] = static_cast<std::uint8_t>(fraction);
    for (unsigned i = 0; i < 8; ++i) raw[8 + i] = random[i];
    raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3FU) | 0x80U);
    return format(raw);
}

std::optional<Instant> timeOfUuidV7(std::string_view uuid) {
    if (!isUuid(uuid) || uuid[14] != '7') return std::nullopt;
    std::int64_t millis = 0;
    for (std::size_t i = 0; i < 13; ++i) {
        if (i == 8) continue;
        millis = millis * 16 + hexDigit(uuid[i]);
    }
    return fromMicros(millis * 1000);
}

bool isUuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : hexDigit(text[i]) < 0) return false;
    }
    return true;
}

}  // namespace agentidp::base
