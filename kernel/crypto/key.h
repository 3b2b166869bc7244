#pragma once
/// @file kernel/crypto/key.h
/// Asymmetric keys and the four signature algorithms this house knows. A key that exists has been checked: a point on its
/// curve, a modulus of 2048 to 8192 bits without known weakness, an odd exponent of at least 65537, a private part that
/// belongs to its public part. Copies share one key; any thread may use one key at once.
/// RFC 7518 section 3 (ES256, RS256, PS256), RFC 8037 (Ed25519), RFC 8017.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"

namespace agentidp::crypto {

enum class KeyType { Ec, Rsa, Ed25519 };

/// JWS names: ES256, RS256, PS256, EdDSA.
enum class Algorithm { Es256, Rs256, Ps256, EdDsa };

[[nodiscard]] std::string_view nameOf(Algorithm algorithm);
/// Compared as bytes: "none", "es256" and HS256 are nothing.
[[nodiscard]] std::optional<Algorithm> algorithmNamed(std::string_view name);
[[nodiscard]] KeyType typeFor(Algorithm algorithm);

/// The members of a public JWK as raw big-endian bytes. Which are set follows the type: `x`, `y` of 32 bytes; `n`, `e` without
/// leading zeros; `x` of 32 bytes (Ed25519).
struct PublicMembers {
    KeyType type = KeyType::Ec;
    base::Bytes x, y;
    base::Bytes n, e;
};

/// The private members: `d` (EC scalar of 32 bytes, RSA exponent, Ed25519 seed), and for RSA all five CRT values.
struct PrivateMembers {
    base::Secret d;
    base::Secret p, q, dp, dq, qi;
};

class PublicKey {
public:
    /// Errc::Invalid names what is wrong with the members.
    static base::Result<PublicKey> fromMembers(PublicMembers members);
    /// "BEGIN PUBLIC KEY" (SubjectPublicKeyInfo) or "BEGIN RSA PUBLIC KEY" (PKCS#1); one block and nothing else but white space.
    static base::Result<PublicKey> fromPem(std::string_view pem);
    /// SubjectPublicKeyInfo, the whole of `der`.
    static base::Result<PublicKey> fromDer(base::BytesView der);

    [[nodiscard]] KeyType type() const;
    [[nodiscard]] const PublicMembers& members() const;
    [[nodiscard]] std::string toPem() const;
    [[nodiscard]] bool operator==(const PublicKey& other) const;

    /// `signature` is a JWS signature value (ES256: r||s). False for any other length, algorithm or value.
    /// Throws std::bad_alloc where there was no memory to look at it: that is no judgement of the signature.
    [[nodiscard]] bool verify(Algorithm algorithm, base::BytesView data, base::BytesView signature) const;

private:
    friend class PrivateKey;
    struct Impl;
    explicit PublicKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<const Impl> impl_;
};

class PrivateKey {
public:
    /// RSA keys get 2048 bits.
    static base::Result<PrivateKey> generate(Algorithm algorithm);
    static base::Result<PrivateKey> fromMembers(const PublicMembers& pub, const PrivateMembers& priv);
    /// PKCS#8 PrivateKeyInfo, not encrypted, the whole of `der`.
    static base::Result<PrivateKey> fromPkcs8(base::BytesView der);
    /// "BEGIN PRIVATE KEY" (PKCS#8), "BEGIN RSA PRIVATE KEY" (PKCS#1) or "BEGIN EC PRIVATE KEY" (SEC 1); one block and nothing
    /// else but white space. An encrypted block is Errc::Unsupported.
    static base::Result<PrivateKey> fromPem(std::string_view pem);
    /// RFC 8032 secret key of 32 bytes.
    static base::Result<PrivateKey> ed25519FromSeed(base::BytesView seed);

    [[nodiscard]] const PublicKey& publicKey() const;
    [[nodiscard]] KeyType type() const { return publicKey().type(); }
    [[nodiscard]] base::Result<PrivateMembers> members() const;
    [[nodiscard]] base::Result<base::Secret> toPkcs8() const;

    /// A JWS signature value. Errc::Invalid if the algorithm is not for this type of key. Working contexts are kept with the
    /// key and reused, so that a signature costs no set-up.
    [[nodiscard]] base::Result<base::Bytes> sign(Algorithm algorithm, base::BytesView data) const;

private:
    struct Impl;
    explicit PrivateKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<const Impl> impl_;
};

}  // namespace agentidp::crypto
