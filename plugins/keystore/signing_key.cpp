#include "signing_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base64url.h"

namespace agentidp::keystore {
namespace {

constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // a signature by a larger one takes tens of milliseconds

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD, Freed<EVP_MD_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freed<PKCS8_PRIV_KEY_INFO_free>>;

struct Name {
    Algorithm algorithm;
    const char* name;
};
constexpr Name kNames[] = {
    {Algorithm::ES256, "ES256"}, {Algorithm::RS256, "RS256"}, {Algorithm::PS256, "PS256"}, {Algorithm::EdDSA, "EdDSA"}};

bool isRsa(Algorithm algorithm) { return algorithm == Algorithm::RS256 || algorithm == Algorithm::PS256; }

/// The failure is told in our words; the queue must not leak into the next caller's.
aip::Fail sslFail(const char* what) {
    const auto code = ERR_peek_last_error();
    char text[160] = "";
    if (code != 0) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return aip::internal(what, text);
}

std::string numberOf(const EVP_PKEY* key, const char* name, int size) {
    BIGNUM* raw = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
    const Number number(raw);
    std::string bytes(static_cast<std::size_t>(size == 0 ? BN_num_bytes(raw) : size), '\0');
    if (BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) < 0) return {};
    return base64url(bytes);
}

/// RFC 7638 section 3.2: required members, lexicographic order, no white space; so its SHA-256 is the thumbprint.
std::string jwkOf(const EVP_PKEY* key, Algorithm algorithm) {
    if (algorithm == Algorithm::ES256)
        return aip::Fields()
            .text("crv", "P-256")
            .text("kty", "EC")
            .text("x", numberOf(key, OSSL_PKEY_PARAM_EC_PUB_X, 32))
            .text("y", numberOf(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32))
            .json();
    if (isRsa(algorithm))
        return aip::Fields()
            .text("e", numberOf(key, OSSL_PKEY_PARAM_RSA_E, 0))
            .text("kty", "RSA")
            .text("n", numberOf(key, OSSL_PKEY_PARAM_RSA_N, 0))
            .json();
    std::string x(32, '\0');
    std::size_t size = x.size();
    EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(x.data()), &size);
    return aip::Fields().text("crv", "Ed25519").text("kty", "OKP").text("x", base64url(x)).json();
}

/// What keeps `key` from signing with `algorithm`, or null.
const char* misfit(const EVP_PKEY* key, Algorithm algorithm) {
    if (isRsa(algorithm)) {
        if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return "not an RSA key";
        const auto bits = EVP_PKEY_get_bits(key);
        if (bits < kLeastRsaBits) return "an RSA key needs at least 2048 bits";
        return bits > kMostRsaBits ? "an RSA key has at most 8192 bits" : nullptr;
    }
    if (algorithm == Algorithm::EdDSA) return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? nullptr : "not an Ed25519 key";
    char group[64] = "";
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1) return "not an EC key";
    return std::string_view(group) == SN_X9_62_prime256v1 ? nullptr : "not a key on P-256";
}

int askToGoOn(EVP_PKEY_CTX* context) { return (*static_cast<const std::function<bool()>*>(EVP_PKEY_CTX_get_app_data(context)))() ? 1 : 0; }

/// One DER integer of an ECDSA signature, right-aligned into 32 bytes. `at` moves behind it.
bool readInteger(std::string_view der, std::size_t& at, char* out) {
    if (at + 2 > der.size() || der[at] != 2) return false;
    std::size_t size = static_cast<unsigned char>(der[at + 1]);
    at += 2;
    if (size == 0 || at + size > der.size()) return false;
    std::size_t from = at;
    at += size;
    if (size == 33 && der[from] == 0) ++from, --size;
    if (size > 32) return false;
    std::memcpy(out + (32 - size), der.data() + from, size);
    return true;
}

/// SHA-256 of the JWK as it is written above.
aip::Outcome<PublicPart> publicPartOf(const EVP_PKEY* key, Algorithm algorithm) {
    PublicPart part;
    part.jwk = jwkOf(key, algorithm);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (EVP_Digest(part.jwk.data(), part.jwk.size(), digest, nullptr, EVP_sha256(), nullptr) != 1)
        return sslFail("OpenSSL could not make the thumbprint");
    part.fingerprint = base64url({reinterpret_cast<const char*>(digest), sizeof digest});
    return part;
}

Key publicKeyFrom(Encoding encoding, std::string_view encoded) {
    const auto* at = reinterpret_cast<const unsigned char*>(encoded.data());
    if (encoding == Encoding::RawEd25519) return Key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, at, encoded.size()));
    if (encoding == Encoding::SpkiDer) {
        const auto* const end = at + encoded.size();
        Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(encoded.size())));
        return at == end ? std::move(key) : nullptr;
    }
    const std::unique_ptr<BIO, Freed<BIO_free_all>> text(BIO_new_mem_buf(encoded.data(), static_cast<int>(encoded.size())));
    return Key(text ? PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr) : nullptr);
}

}  // namespace

aip::Outcome<PublicPart> publicPart(Algorithm algorithm, Encoding encoding, std::string_view encoded) {
    const auto key = publicKeyFrom(encoding, encoded);
    ERR_clear_error();
    if (!key) return aip::invalid("not a public key");
    if (const char* why = misfit(key.get(), algorithm)) return aip::invalid(why);
    return publicPartOf(key.get(), algorithm);
}

// SEQUENCE { INTEGER r, INTEGER s }, always under 128 bytes for P-256.
std::optional<std::string> rawFromDer(std::string_view der) {
    std::string raw(64, '\0');
    std::size_t at = 2;
    if (der.size() > 2 && der[0] == 0x30 && static_cast<unsigned char>(der[1]) == der.size() - 2 && readInteger(der, at, raw.data()) &&
        readInteger(der, at, raw.data() + 32) && at == der.size())
        return raw;
    return std::nullopt;
}

std::optional<Algorithm> algorithmOf(std::string_view name) {
    for (const auto& known : kNames)
        if (name == known.name) return known.algorithm;
    return std::nullopt;
}

const char* nameOf(Algorithm algorithm) {
    for (const auto& known : kNames)
        if (known.algorithm == algorithm) return known.name;
    return "";
}

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

SigningKey::SigningKey(Algorithm algorithm, std::unique_ptr<Material> material) : algorithm_(algorithm), material_(std::move(material)) {}
SigningKey::~SigningKey() = default;

aip::Outcome<std::shared_ptr<const SigningKey>> SigningKey::adopt(Algorithm algorithm, std::unique_ptr<Material> material) {
    material->sha256.reset(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    if (!material->sha256) return sslFail("OpenSSL has no SHA-256");
    std::shared_ptr<SigningKey> made(new SigningKey(algorithm, std::move(material)));
    auto part = publicPartOf(made->material_->key.get(), algorithm);
    if (!part) return part.fail();
    made->public_ = std::move(*part);
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
