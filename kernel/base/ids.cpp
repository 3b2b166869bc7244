#include "base/ids.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>

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

}  // namespace

void fillRandom(std::span<std::uint8_t> out) {
    while (!out.empty()) {
        const auto got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            std::abort();
        }
        out = out.subspan(static_cast<std::size_t>(got));
    }
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
