#pragma once
/// @file tests/unit/jose/token_maker.h
/// Tokens as an attacker would write them: any header text, any payload text, signed or not.
#include <string>

#include "base/text.h"
#include "jose/jws.h"

namespace agentidp::tests {

inline std::string segment(std::string_view text) { return base::base64url(base::bytesOf(text)); }

inline std::string tokenOf(const crypto::PrivateKey& key, crypto::Algorithm alg, std::string_view header, std::string_view payload) {
    std::string token = segment(header) + "." + segment(payload);
    const auto signature = key.sign(alg, base::bytesOf(token)).value();
    return token + "." + base::base64url(signature);
}

/// One P-256, one RSA and one Ed25519 key for all tests of a binary.
struct TokenKeys {
    crypto::PrivateKey ec = crypto::PrivateKey::generate(crypto::Algorithm::Es256).value();
    crypto::PrivateKey rsa = crypto::PrivateKey::generate(crypto::Algorithm::Rs256).value();
    crypto::PrivateKey ed = crypto::PrivateKey::generate(crypto::Algorithm::EdDsa).value();

    static const TokenKeys& shared() {
        static const TokenKeys keys;
        return keys;
    }
    [[nodiscard]] jose::VerificationKey ecVerifier() const { return {model::KeyId("ec"), crypto::Algorithm::Es256, ec.publicKey()}; }
    [[nodiscard]] jose::VerificationKey rsaVerifier() const { return {model::KeyId("rsa"), crypto::Algorithm::Rs256, rsa.publicKey()}; }
    [[nodiscard]] jose::VerificationKey edVerifier() const { return {model::KeyId("ed"), crypto::Algorithm::EdDsa, ed.publicKey()}; }
};

}  // namespace agentidp::tests
