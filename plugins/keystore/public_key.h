#pragma once
/// @file plugins/keystore/public_key.h
/// Public keys as JWKs, and signatures as JWS wants them, from the forms that backends give. Pure; any thread.
#include <agentidp/plugin.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace agentidp::keystore {

/// JWS algorithms (RFC 7518 section 3.1, RFC 8037 section 3.1).
enum class Algorithm { ES256, RS256, PS256, EdDSA };
[[nodiscard]] std::optional<Algorithm> algorithmOf(std::string_view name);
[[nodiscard]] const char* nameOf(Algorithm algorithm);

/// What everybody may know of a key.
struct PublicPart {
    std::string jwk;          ///< required members only, as RFC 7638 orders them
    std::string fingerprint;  ///< RFC 7638 thumbprint
};
/// The public part a backend tells: SubjectPublicKeyInfo (RFC 5280) as DER or PEM, the 32 bytes of an Ed25519 key, or a point of P-256 as
/// 4, x, y (65 bytes). AIP_E_INVALID: no such key, or one that `algorithm` does not sign with: another kind, another curve, RSA under 2048
/// or over 8192 bits.
enum class Encoding { SpkiDer, SpkiPem, RawEd25519, P256Point };
[[nodiscard]] aip::Outcome<PublicPart> publicPart(Algorithm algorithm, Encoding encoding, std::string_view encoded);
/// The same for RSA: big-endian numbers, leading zeros or not.
[[nodiscard]] aip::Outcome<PublicPart> publicPart(Algorithm algorithm, std::string_view modulus, std::string_view exponent);

/// RFC 7518 section 3.4: r and s as 32 bytes each, from the DER that services and OpenSSL write for P-256. Nothing for what is not strictly
/// DER: negative or padded numbers, zero, trailing bytes.
[[nodiscard]] std::optional<std::string> rawFromDer(std::string_view der);

/// 32 bytes.
[[nodiscard]] std::string sha256(std::string_view bytes);

}  // namespace agentidp::keystore
