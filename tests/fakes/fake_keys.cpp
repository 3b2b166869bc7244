#include "fakes/fake_keys.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "base/ids.h"
#include "base/text.h"
#include "plugin/contract/jwk_check.h"

namespace agentidp::tests {
namespace {

using base::Bytes;
using base::BytesView;
using base::Errc;
using base::fail;
using base::Result;
using base::Secret;
using plugin::Call;
using plugin::HeldKey;
using Key = std::shared_ptr<EVP_PKEY>;

Key owned(EVP_PKEY* key) { return Key(key, EVP_PKEY_free); }

std::string numberOf(const Key& key, const char* name, int size) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key.get(), name, &number);
    Bytes bytes(static_cast<std::size_t>(size == 0 ? BN_num_bytes(number) : size));
    BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size()));
    BN_free(number);
    return base::base64url(bytes);
}

/// Nothing where the key is not one of `alg`.
std::optional<base::json::Value> publicJwk(const Key& key, std::string_view alg) {
    if (alg == "ES256") {
        char group[32] = "";
        if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC || EVP_PKEY_get_group_name(key.get(), group, sizeof group, nullptr) != 1 ||
            std::string_view(group) != "prime256v1")
            return std::nullopt;
        return base::json::Object{{"kty", "EC"},
                                  {"crv", "P-256"},
                                  {"x", numberOf(key, OSSL_PKEY_PARAM_EC_PUB_X, 32)},
                                  {"y", numberOf(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32)}};
    }
    if (alg == "EdDSA") {
        Bytes x(32);
        std::size_t size = x.size();
        if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_public_key(key.get(), x.data(), &size) != 1)
            return std::nullopt;
        return base::json::Object{{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base::base64url(x)}};
    }
    if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key.get()) < 2048) return std::nullopt;
    return base::json::Object{
        {"kty", "RSA"}, {"n", numberOf(key, OSSL_PKEY_PARAM_RSA_N, 0)}, {"e", numberOf(key, OSSL_PKEY_PARAM_RSA_E, 0)}};
}

Bytes signatureOf(const Key& key, std::string_view alg, BytesView data) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_PKEY_CTX* settings = nullptr;
    EVP_DigestSignInit(context.get(), &settings, alg == "EdDSA" ? nullptr : EVP_sha256(), nullptr, key.get());
    if (alg == "PS256") {
        EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST);
    }
    std::size_t size = 0;
    EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size());
    Bytes out(size);
    EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size());
    out.resize(size);
    if (alg != "ES256") return out;
    const unsigned char* at = out.data();
    ECDSA_SIG* parsed = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(out.size()));
    Bytes raw(64);
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), raw.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), raw.data() + 32, 32);
    ECDSA_SIG_free(parsed);
    return raw;
}

Secret pkcs8Of(const Key& key) {
    PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key.get());
    unsigned char* der = nullptr;
    const auto size = static_cast<std::size_t>(i2d_PKCS8_PRIV_KEY_INFO(info, &der));
    PKCS8_PRIV_KEY_INFO_free(info);
    Bytes bytes(der, der + size);
    OPENSSL_clear_free(der, size);
    return Secret(std::move(bytes));
}

constexpr std::size_t kNonce = 12, kTag = 16;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

CipherContext cipher(BytesView key, BytesView nonce, std::string_view aad, int encrypt) {
    CipherContext context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    EVP_CipherInit_ex2(context.get(), EVP_aes_256_gcm(), key.data(), nonce.data(), encrypt, nullptr);
    int ignored = 0;
    EVP_CipherUpdate(context.get(), nullptr, &ignored, base::bytesOf(aad).data(), static_cast<int>(aad.size()));
    return context;
}

}  // namespace

struct FakeKeys::Backing {
    struct Entry {
        Key key;
        HeldKey held;
    };
    mutable std::mutex mutex;
    std::map<std::string, Entry, std::less<>> entries;
    Bytes wrappingKey = Bytes(32);
    Fault fault = Fault::None;
    std::size_t signatures = 0;
};

plugin::KeysAbilities FakeKeys::everything() { return {{"ES256", "RS256", "PS256", "EdDSA"}, true, true, false}; }

FakeKeys::FakeKeys(plugin::KeysAbilities abilities) : FakeKeys(std::move(abilities), std::make_shared<Backing>()) {
    base::fillRandom(backing_->wrappingKey);
}
FakeKeys::FakeKeys(plugin::KeysAbilities abilities, std::shared_ptr<Backing> backing)
    : abilities_(std::move(abilities)), backing_(std::move(backing)) {}
FakeKeys::~FakeKeys() = default;

std::unique_ptr<FakeKeys> FakeKeys::reopened() const { return std::unique_ptr<FakeKeys>(new FakeKeys(abilities_, backing_)); }

void FakeKeys::breakWith(Fault fault) {
    const std::lock_guard lock(backing_->mutex);
    backing_->fault = fault;
}
std::size_t FakeKeys::signatures() const {
    const std::lock_guard lock(backing_->mutex);
    return backing_->signatures;
}

std::optional<base::Error> FakeKeys::outage() const {
    const std::lock_guard lock(backing_->mutex);
    if (backing_->fault != Fault::Unavailable) return std::nullopt;
    return fail(Errc::Unavailable, "the keys plugin cannot answer", "a fault of the test");
}

Result<HeldKey> FakeKeys::generate(std::string_view alg, const Call& call) {
    if (const auto error = outage()) return *error;
    if (std::find(abilities_.algorithms.begin(), abilities_.algorithms.end(), alg) == abilities_.algorithms.end())
        return fail(Errc::Unsupported, "no such algorithm");
    auto pkcs8 = plugin::contract::freshPkcs8(alg);
    if (!pkcs8) return pkcs8.error();
    return import(alg, *pkcs8, call);
}

Result<HeldKey> FakeKeys::import(std::string_view alg, const Secret& pkcs8, const Call&) {
    if (const auto error = outage()) return *error;
    if (std::find(abilities_.algorithms.begin(), abilities_.algorithms.end(), alg) == abilities_.algorithms.end())
        return fail(Errc::Unsupported, "no such algorithm");
    const unsigned char* at = pkcs8.view().data();
    PKCS8_PRIV_KEY_INFO* info = d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(pkcs8.view().size()));
    const Key key = owned(info == nullptr ? nullptr : EVP_PKCS82PKEY(info));
    PKCS8_PRIV_KEY_INFO_free(info);
    if (!key || at != pkcs8.view().data() + pkcs8.view().size()) return fail(Errc::Invalid, "no PKCS#8 private key");
    const auto jwk = publicJwk(key, alg);
    if (!jwk) return fail(Errc::Invalid, "the key is not one of this algorithm");
    HeldKey held{*plugin::contract::thumbprintOf(*jwk), std::string(alg), *jwk, false};
    const std::lock_guard lock(backing_->mutex);
    if (!backing_->entries.emplace(held.fingerprint, Backing::Entry{key, held}).second)
        return fail(Errc::Exists, "the key is held already");
    return held;
}

Result<std::vector<HeldKey>> FakeKeys::list(const Call&) {
    if (const auto error = outage()) return *error;
    const std::lock_guard lock(backing_->mutex);
    std::vector<HeldKey> all;
    for (const auto& [fingerprint, entry] : backing_->entries) all.push_back(entry.held);
    return all;
}

Result<plugin::Signed> FakeKeys::sign(std::string_view fingerprint, BytesView data, const Call&) {
    if (const auto error = outage()) return *error;
    Backing::Entry entry;
    Fault fault{};
    {
        const std::lock_guard lock(backing_->mutex);
        fault = backing_->fault;
        if (fault == Fault::HungSign) return fail(Errc::Deadline, "the time given ran out");
        const auto at = backing_->entries.find(fingerprint);
        if (at == backing_->entries.end()) return fail(Errc::NotFound, "no such key");
        if (at->second.held.retired) return fail(Errc::Denied, "the key is retired");
        entry = at->second;
        if (fault == Fault::WrongKey)
            for (const auto& [name, other] : backing_->entries)
                if (name != fingerprint && other.held.alg == entry.held.alg) entry = other;
        ++backing_->signatures;
    }
    plugin::Signed made{signatureOf(entry.key, entry.held.alg, data), entry.held.fingerprint};
    if (fault == Fault::BadSignature) made.signature.back() ^= 1U;
    return made;
}

Result<void> FakeKeys::retire(std::string_view fingerprint, const Call&) {
    if (const auto error = outage()) return *error;
    const std::lock_guard lock(backing_->mutex);
    const auto at = backing_->entries.find(fingerprint);
    if (at == backing_->entries.end()) return fail(Errc::NotFound, "no such key");
    at->second.held.retired = true;
    return {};
}

Result<Bytes> FakeKeys::wrap(const Secret& plain, std::string_view aad, const Call&) {
    if (const auto error = outage()) return *error;
    if (!abilities_.wraps) return fail(Errc::Unsupported, "data keys cannot be wrapped");
    const auto bytes = plain.view();
    if (bytes.empty() || bytes.size() > 4'096) return fail(Errc::Invalid, "a data key has 1 to 4096 bytes");
    Bytes out(kNonce + bytes.size() + kTag);
    base::fillRandom(std::span(out).first(kNonce));
    const auto context = cipher(backing_->wrappingKey, out, aad, 1);
    int size = 0;
    EVP_CipherUpdate(context.get(), out.data() + kNonce, &size, bytes.data(), static_cast<int>(bytes.size()));
    EVP_CipherFinal_ex(context.get(), nullptr, &size);
    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, out.data() + kNonce + bytes.size());
    return out;
}

Result<Secret> FakeKeys::unwrap(BytesView wrapped, std::string_view aad, const Call&) {
    if (const auto error = outage()) return *error;
    if (!abilities_.wraps) return fail(Errc::Unsupported, "data keys cannot be unwrapped");
    if (wrapped.size() <= kNonce + kTag) return fail(Errc::Invalid, "not a wrapped data key");
    Bytes plain(wrapped.size() - kNonce - kTag), tag(wrapped.end() - kTag, wrapped.end());
    const auto context = cipher(backing_->wrappingKey, wrapped, aad, 0);
    int size = 0;
    EVP_CipherUpdate(context.get(), plain.data(), &size, wrapped.data() + kNonce, static_cast<int>(plain.size()));
    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTag, tag.data());
    std::uint8_t none = 0;
    if (EVP_CipherFinal_ex(context.get(), &none, &size) != 1) return fail(Errc::Invalid, "not wrapped here, or for another place");
    return Secret(std::move(plain));
}

Result<Secret> FakeKeys::exportPrivate(std::string_view fingerprint, const Call&) {
    if (const auto error = outage()) return *error;
    if (!abilities_.exportable) return fail(Errc::Unsupported, "private keys never leave the backend");
    const std::lock_guard lock(backing_->mutex);
    const auto at = backing_->entries.find(fingerprint);
    if (at == backing_->entries.end()) return fail(Errc::NotFound, "no such key");
    return pkcs8Of(at->second.key);
}

Result<void> FakeKeys::health(const Call&) {
    if (const auto error = outage()) return *error;
    return {};
}

}  // namespace agentidp::tests
