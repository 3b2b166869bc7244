#pragma once
/// @file kernel/plugin/contract/jwk_check.h
/// A second opinion on keys, straight on OpenSSL: what a relying party that knows nothing but the public JWK would find. Any thread.
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"

namespace agentidp::plugin::contract {

/// RFC 7638 SHA-256 thumbprint in base64url. Nothing where a required member is absent or of another type.
[[nodiscard]] std::optional<std::string> thumbprintOf(const base::json::Value& jwk);

/// What is wrong with `jwk` as the public key of `alg`, as one sentence: members, curve, size, and nothing private.
[[nodiscard]] std::optional<std::string> faultIn(const base::json::Value& jwk, std::string_view alg);

/// True where `signature` is the JWS signature value of `data` by the key of `jwk` (RFC 7518 section 3, RFC 8037 section 3.1).
[[nodiscard]] base::Result<bool> verifies(const base::json::Value& jwk, std::string_view alg, base::BytesView data,
                                          base::BytesView signature);

/// A fresh private key for `alg` as PKCS#8 DER; `rsaBits` is read for RS256 and PS256 only.
[[nodiscard]] base::Result<base::Secret> freshPkcs8(std::string_view alg, unsigned rsaBits = 2048);

}  // namespace agentidp::plugin::contract
