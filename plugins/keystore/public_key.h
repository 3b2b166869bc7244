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

struct PublicKey {
    Algorithm algorithm = Algorithm::ES256;
    std::string jwk;          ///< required members only, as RFC 7638 orders them
    std::string fingerprint;  ///< RFC 7638 thumbprint
};

/// SubjectPublicKeyInfo in DER (RFC 5280). AIP_E_INVALID: anything else, another kind of key than `algorithm` signs with, RSA under 2048 or
/// over 8192 bits.
[[nodiscard]] aip::Outcome<PublicKey> publicFromSpki(Algorithm algorithm, std::string_view der);
/// A point: 4, x, y (65 bytes) for ES256, 32 bytes for EdDSA. AIP_E_INVALID: another length, or not on the curve.
[[nodiscard]] aip::Outcome<PublicKey> publicFromPoint(Algorithm algorithm, std::string_view point);
/// Big-endian numbers, leading zeros or not. AIP_E_INVALID as above.
[[nodiscard]] aip::Outcome<PublicKey> publicFromModulus(Algorithm algorithm, std::string_view modulus, std::string_view exponent);

/// RFC 7518 section 3.4: r and s as 32 bytes each, out of SEQUENCE { INTEGER r, INTEGER s } for P-256. Nothing for what is not strictly
/// DER: negative or padded numbers, zero, trailing bytes.
[[nodiscard]] std::optional<std::string> rawEcdsa(std::string_view der);

/// 32 bytes.
[[nodiscard]] std::string sha256(std::string_view bytes);

}  // namespace agentidp::keystore
