#pragma once
/// @file plugins/keystore/base64url.h
/// RFC 4648 section 5 without padding, strictly. Any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agentidp::keystore {

inline constexpr std::string_view kBase64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

inline std::string base64url(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() * 4 + 2) / 3);
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (const char c : bytes) {
        held = held << 8U | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6; bits -= 6) out.push_back(kBase64url[held >> (bits - 6) & 63U]);
    }
    if (bits > 0) out.push_back(kBase64url[held << (6 - bits) & 63U]);
    return out;
}

/// Nothing for foreign characters, padding, a length that cannot be, or trailing bits that are not zero.
inline std::optional<std::string> unbase64url(std::string_view text) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (const char c : text) {
        const auto value = kBase64url.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        held = held << 6U | static_cast<std::uint32_t>(value);
        if ((bits += 6) < 8) continue;
        bits -= 8;
        out.push_back(static_cast<char>(held >> bits & 255U));
    }
    if ((held & ((1U << bits) - 1U)) != 0) return std::nullopt;
    return out;
}

/// What a fingerprint looks like: the thumbprint of 32 bytes.
inline bool looksLikeFingerprint(std::string_view text) {
    return text.size() == 43 && text.find_first_not_of(kBase64url) == std::string_view::npos;
}

}  // namespace agentidp::keystore
