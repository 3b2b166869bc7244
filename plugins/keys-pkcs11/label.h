#pragma once
/// @file plugins/keys-pkcs11/label.h
/// How our objects are called in a token (CKA_LABEL), for operators to find and for us to tell them from others:
///
///     agentidp ES256 2026-11-22T17:36:38.123456Z              a signing key, both halves
///     agentidp ES256 2026-11-22T17:36:38.123456Z retired      its public half after it was retired
///     agentidp wrap 2026-11-22T17:36:38.123456Z               an AES key that wraps
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agentidp::keys_pkcs11 {

struct Label {
    std::string use;  ///< a JWS algorithm, or kWrapUse
    std::int64_t createdAtUs = 0;
    bool retired = false;
};

inline constexpr std::string_view kWrapUse = "wrap";

[[nodiscard]] std::string writeLabel(std::string_view prefix, const Label& label);
/// Nothing where it is not exactly one of ours.
[[nodiscard]] std::optional<Label> readLabel(std::string_view prefix, std::string_view text);

}  // namespace agentidp::keys_pkcs11
