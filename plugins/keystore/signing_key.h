#pragma once
/// @file plugins/keystore/signing_key.h
/// One private key and the algorithm it signs with. Signing is for any thread; each signature borrows a prepared context, because making
/// one costs a sixth of an ES256 signature.
#include <agentidp/plugin.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
/// The public part a key service tells: SubjectPublicKeyInfo as DER or PEM, or the 32 bytes of an Ed25519 key. AIP_E_INVALID: no such key,
/// or one that `algorithm` does not sign with (see SigningKey::fromPkcs8).
enum class Encoding { SpkiDer, SpkiPem, RawEd25519 };
[[nodiscard]] aip::Outcome<PublicPart> publicPart(Algorithm algorithm, Encoding encoding, std::string_view encoded);

/// RFC 7518 section 3.4: r and s as 32 bytes each, from the DER that services and OpenSSL write for P-256. Nothing for other DER.
[[nodiscard]] std::optional<std::string> rawFromDer(std::string_view der);

class SigningKey {
public:
    /// `goOn` is asked while an RSA key is searched for; false ends it with AIP_E_CANCELLED.
    static aip::Outcome<std::shared_ptr<const SigningKey>> generate(Algorithm algorithm, unsigned rsaBits,
                                                                    const std::function<bool()>& goOn);

    /// AIP_E_INVALID: no PKCS#8 DER, trailing bytes, another kind of key, a curve that is not P-256, RSA under 2048 or over 8192 bits.
    /// `Thorough` also checks that the parts belong together (OpenSSL's key check), which takes long for RSA.
    enum class Check { Quick, Thorough };
    static aip::Outcome<std::shared_ptr<const SigningKey>> fromPkcs8(Algorithm algorithm, std::string_view der, Check check);

    SigningKey(const SigningKey&) = delete;
    SigningKey& operator=(const SigningKey&) = delete;
    ~SigningKey();

    [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
    [[nodiscard]] const std::string& publicJwk() const { return public_.jwk; }
    [[nodiscard]] const std::string& fingerprint() const { return public_.fingerprint; }
    /// The JWS signature value.
    [[nodiscard]] aip::Outcome<std::string> sign(std::string_view data) const;
    [[nodiscard]] aip::Outcome<aip::Secret> pkcs8() const;

private:
    struct Material;
    class Context;
    SigningKey(Algorithm algorithm, std::unique_ptr<Material> material);
    static aip::Outcome<std::shared_ptr<const SigningKey>> adopt(Algorithm algorithm, std::unique_ptr<Material> material);
    [[nodiscard]] std::unique_ptr<Context> borrow() const;
    void giveBack(std::unique_ptr<Context> context) const;

    Algorithm algorithm_;
    std::unique_ptr<Material> material_;
    PublicPart public_;
    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<Context>> idle_;
};

}  // namespace agentidp::keystore
