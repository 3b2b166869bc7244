#pragma once
/// @file plugins/keystore/signing_key.h
/// One private key and the algorithm it signs with. Signing is for any thread; each signature borrows a prepared context, because making
/// one costs a sixth of an ES256 signature.
#include <agentidp/plugin.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "keystore/public_key.h"

namespace agentidp::keystore {

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

    std::unique_ptr<Material> material_;
    Algorithm algorithm_;
    PublicPart public_;
    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<Context>> idle_;
};

}  // namespace agentidp::keystore
