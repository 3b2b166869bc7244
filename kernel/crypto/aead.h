#pragma once
/// @file kernel/crypto/aead.h
/// AES-256-GCM envelopes (NIST SP 800-38D): one byte of version, a random nonce of 12 bytes, the ciphertext, a tag of 16 bytes.
/// The associated data says where the envelope belongs (table, column, row), so that it opens nowhere else; it is mandatory.
/// At most 2^32 envelopes a key. Any thread may use one Aead at once.
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/locked_memory.h"

namespace agentidp::crypto {

class Aead {
public:
    /// Errc::Invalid unless the key has 32 bytes.
    static base::Result<Aead> withKey(base::BytesView key);

    /// Errc::Invalid for empty associated data.
    [[nodiscard]] base::Result<base::Bytes> seal(base::BytesView plain, std::string_view aad) const;
    /// Errc::Invalid for another key, another place, changed bytes, or a version this code does not know; it does not say which.
    [[nodiscard]] base::Result<base::Secret> open(base::BytesView envelope, std::string_view aad) const;

private:
    explicit Aead(LockedBytes key) : key_(std::move(key)) {}
    LockedBytes key_;
};

}  // namespace agentidp::crypto
