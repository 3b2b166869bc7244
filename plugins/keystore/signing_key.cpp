#include "keystore/signing_key.h"

#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "keystore/openssl.h"

namespace agentidp::keystore {
namespace {

int askToGoOn(EVP_PKEY_CTX* context) { return (*static_cast<const std::function<bool()>*>(EVP_PKEY_CTX_get_app_data(context)))() ? 1 : 0; }

}  // namespace

struct SigningKey::Material {
    Key key;
    Digest sha256;
};

/// Prepared once, used by one signature at a time.
class SigningKey::Context {
public:
    static std::unique_ptr<Context> make(const Material& material, Algorithm algorithm) {
        auto made = std::make_unique<Context>();
        made->digest_.reset(EVP_MD_CTX_new());
        if (!made->digest_) return nullptr;
        if (algorithm == Algorithm::EdDSA)
            return EVP_DigestSignInit(made->digest_.get(), nullptr, nullptr, nullptr, material.key.get()) == 1 ? std::move(made) : nullptr;
        made->key_.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, material.key.get(), nullptr));
        auto* key = made->key_.get();
        if (key == nullptr || EVP_PKEY_sign_init(key) != 1 || EVP_PKEY_CTX_set_signature_md(key, material.sha256.get()) != 1)
            return nullptr;
        if (algorithm == Algorithm::RS256 && EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PADDING) != 1) return nullptr;
        if (algorithm == Algorithm::PS256 && (EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) != 1 ||
                                              EVP_PKEY_CTX_set_rsa_pss_saltlen(key, RSA_PSS_SALTLEN_DIGEST) != 1 ||
                                              EVP_PKEY_CTX_set_rsa_mgf1_md(key, material.sha256.get()) != 1))
            return nullptr;
        return made;
    }

    bool sign(const Material& material, std::string_view data, std::string& out) {
        const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
        std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(material.key.get()));
        out.resize(size);
        auto* into = reinterpret_cast<unsigned char*>(out.data());
        if (!key_) {
            // Without a key this only begins anew.
            if (EVP_DigestSignInit(digest_.get(), nullptr, nullptr, nullptr, nullptr) != 1 ||
                EVP_DigestSign(digest_.get(), into, &size, bytes, data.size()) != 1)
                return false;
        } else {
            unsigned char hash[SHA256_DIGEST_LENGTH];
            if (EVP_DigestInit_ex2(digest_.get(), material.sha256.get(), nullptr) != 1 ||
                EVP_DigestUpdate(digest_.get(), bytes, data.size()) != 1 || EVP_DigestFinal_ex(digest_.get(), hash, nullptr) != 1 ||
                EVP_PKEY_sign(key_.get(), into, &size, hash, sizeof hash) != 1)
                return false;
        }
        out.resize(size);
        return true;
    }

private:
    DigestContext digest_;
    KeyContext key_;
};

SigningKey::SigningKey(Algorithm algorithm, std::unique_ptr<Material> material) : material_(std::move(material)), algorithm_(algorithm) {}
SigningKey::~SigningKey() = default;

aip::Outcome<std::shared_ptr<const SigningKey>> SigningKey::adopt(Algorithm algorithm, std::unique_ptr<Material> material) {
    material->sha256.reset(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    if (!material->sha256) return sslFail("OpenSSL has no SHA-256");
    std::shared_ptr<SigningKey> made(new SigningKey(algorithm, std::move(material)));
    auto told = publicPartOf(made->material_->key.get(), algorithm);
    if (!told) return told.fail();
    made->public_ = std::move(*told);
    return std::shared_ptr<const SigningKey>(std::move(made));
}

aip::Outcome<std::shared_ptr<const SigningKey>> SigningKey::generate(Algorithm algorithm, unsigned rsaBits,
                                                                     const std::function<bool()>& goOn) {
    const char* type = isRsa(algorithm) ? "RSA" : algorithm == Algorithm::EdDSA ? "ED25519" : "EC";
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    if (!context || EVP_PKEY_keygen_init(context.get()) != 1) return sslFail("OpenSSL makes no such keys");
    if (isRsa(algorithm) && EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(rsaBits)) != 1)
        return sslFail("OpenSSL refuses this size of RSA keys");
    if (algorithm == Algorithm::ES256 && EVP_PKEY_CTX_set_group_name(context.get(), "P-256") != 1) return sslFail("OpenSSL has no P-256");
    auto ask = goOn;
    EVP_PKEY_CTX_set_app_data(context.get(), &ask);
    EVP_PKEY_CTX_set_cb(context.get(), askToGoOn);
    EVP_PKEY* raw = nullptr;
    const bool done = EVP_PKEY_generate(context.get(), &raw) == 1;
    auto material = std::make_unique<Material>();
    material->key.reset(raw);
    if (done) return adopt(algorithm, std::move(material));
    if (goOn()) return sslFail("OpenSSL made no key");
    ERR_clear_error();
    return aip::cancelled();
}

aip::Outcome<std::shared_ptr<const SigningKey>> SigningKey::fromPkcs8(Algorithm algorithm, std::string_view der, Check check) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* const end = at + der.size();
    const Pkcs8 info(der.empty() ? nullptr : d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
    auto material = std::make_unique<Material>();
    if (info && at == end) material->key.reset(EVP_PKCS82PKEY(info.get()));
    ERR_clear_error();
    if (!material->key) return aip::invalid("not a private key in PKCS#8 DER");
    if (const char* why = misfit(material->key.get(), algorithm)) return aip::invalid(why);
    if (check == Check::Thorough) {
        const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, material->key.get(), nullptr));
        const bool whole = context && EVP_PKEY_check(context.get()) == 1;
        ERR_clear_error();
        if (!whole) return aip::invalid("the parts of the key do not belong together");
    }
    return adopt(algorithm, std::move(material));
}

std::unique_ptr<SigningKey::Context> SigningKey::borrow() const {
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto context = std::move(idle_.back());
            idle_.pop_back();
            return context;
        }
    }
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): a unique_ptr is moved out of the list above
    return Context::make(*material_, algorithm_);
}

void SigningKey::giveBack(std::unique_ptr<Context> context) const {
    constexpr std::size_t kMostIdle = 64;
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(context));
}

aip::Outcome<std::string> SigningKey::sign(std::string_view data) const {
    auto context = borrow();
    if (!context) return sslFail("OpenSSL cannot sign with this key");
    std::string signature;
    if (!context->sign(*material_, data, signature)) return sslFail("OpenSSL could not sign");
    giveBack(std::move(context));
    if (algorithm_ != Algorithm::ES256) return signature;
    auto raw = rawFromDer(signature);
    if (!raw) return aip::internal("OpenSSL made an ECDSA signature that is none");
    return std::move(*raw);
}

aip::Outcome<aip::Secret> SigningKey::pkcs8() const {
    const Pkcs8 info(EVP_PKEY2PKCS8(material_->key.get()));
    unsigned char* der = nullptr;
    const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der) : 0;
    if (size <= 0) return sslFail("OpenSSL could not write the key");
    aip::Secret out(std::string_view(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)));
    OPENSSL_clear_free(der, static_cast<std::size_t>(size));
    return out;
}

}  // namespace agentidp::keystore
