#pragma once
/// @file kernel/model/signing_key.h
/// A signing key as storage knows it. States only ever move to the right, but for a pinned key that is configured again: it is
/// published anew.
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "model/ids.h"

namespace agentidp::model {

enum class KeyState { Pending, Published, Active, Retiring, Gone };

struct SigningKey {
    KeyId kid;  ///< the RFC 7638 thumbprint unless the JWK names one
    std::string alg;
    KeyState state = KeyState::Pending;
    std::string publicJwk;               ///< JSON, what the JWKS serves
    std::string plugin;                  ///< the keys plugin that holds the private part, or "pinned"
    std::string fingerprint;             ///< what that plugin calls it
    std::optional<base::Bytes> wrapped;  ///< a pinned key's private part, wrapped, until it stops signing
    base::Instant createdAt;
    std::optional<base::Instant> publishedAt, activatesAt, activatedAt, retiringAt, goneAt;
    bool compromised = false;
    std::int64_t rowVersion = 1;
};

}  // namespace agentidp::model
