#pragma once
/// @file kernel/keys/pinned.h
/// A signing key that the configuration names (JWT_PRIVATE_KEY, MACP_AUTH_SIGNING_KEY_JSON, keys.pinned): read and judged before
/// anything is opened. Its private part is in OpenSSL's locked memory; the text it came from is the caller's to wipe. Pure; any
/// thread.
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/key.h"
#include "keys/rotation.h"

namespace agentidp::keys {

struct PinnedKey {
    crypto::Algorithm alg = crypto::Algorithm::Es256;
    crypto::PrivateKey key;
    std::string fingerprint;  ///< RFC 7638 thumbprint
    std::string kid;          ///< the JWK's own; empty: it has none
    std::string source;       ///< the variable or setting, for messages
};

/// What was configured, and by which names messages may call it.
struct PinText {
    std::string_view text;  ///< PEM (PKCS#8, PKCS#1 or SEC 1; a literal \n is a line end) or a private JWK
    std::string source;     ///< "JWT_PRIVATE_KEY"
    crypto::Algorithm alg = crypto::Algorithm::Es256;
    std::string algSource;                       ///< "MACP_AUTH_SIGNING_ALG"
    std::optional<std::string_view> publicText;  ///< PEM that must be its public half
    std::string publicSource;                    ///< "JWT_PUBLIC_KEY"
};

/// Invalid, with a hint that begins with the name at fault: no key, a public one, a short or weak one, one of another type than
/// `alg` (both names are told), or a public half that belongs to another key.
[[nodiscard]] base::Result<PinnedKey> readPinned(const PinText& given);

[[nodiscard]] Pin pinOf(const PinnedKey& pinned, Pin::Activation activation);

/// Whether it may sign beside the keys there are. Invalid, naming its source: it was retired as compromised, or its own kid is that of
/// another key or algorithm.
[[nodiscard]] base::Result<void> checkPin(const std::vector<model::SigningKey>& keys, const PinnedKey& pinned);

}  // namespace agentidp::keys
