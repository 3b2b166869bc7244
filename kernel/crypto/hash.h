#pragma once
/// @file kernel/crypto/hash.h
/// SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104). Digests cannot fail for any input; a library that cannot hash at all
/// is a broken installation and throws std::runtime_error. Any thread; each thread keeps one working context.
#include <array>
#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "base/secret.h"

namespace agentidp::crypto {

using Digest256 = std::array<std::uint8_t, 32>;

[[nodiscard]] Digest256 sha256(base::BytesView data);
/// Of the parts in a row, without joining them first: `sha256({prefix, left, right})`.
[[nodiscard]] Digest256 sha256(std::initializer_list<base::BytesView> parts);

/// For input that arrives in pieces. One thread at a time.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    void update(base::BytesView piece);
    /// The digest; afterwards the object is as new.
    [[nodiscard]] Digest256 finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A keyed context that is copied for every use, which spares the key schedule. Any thread may call mac() at once.
class HmacSha256 {
public:
    explicit HmacSha256(base::BytesView key);
    ~HmacSha256();
    HmacSha256(HmacSha256&&) noexcept;
    HmacSha256& operator=(HmacSha256&&) noexcept;
    [[nodiscard]] Digest256 mac(base::BytesView data) const;
    [[nodiscard]] Digest256 mac(std::initializer_list<base::BytesView> parts) const;
    /// Constant time in the bytes of `expected`, which must be the whole 32.
    [[nodiscard]] bool verify(base::BytesView data, base::BytesView expected) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace agentidp::crypto
