#include "crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <stdexcept>

#include "crypto/openssl_handles.h"

namespace agentidp::crypto {
namespace {

using DigestContext = DigestContextHandle;

using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeWith<EVP_MAC_CTX_free>>;

[[noreturn]] void broken(const char* what) {
    ERR_clear_error();
    throw std::runtime_error(what);
}

// Fetching looks the provider up under a lock, so it happens once. Never freed: static destructors run in an order in which
// the library may be gone already.
const EVP_MD* fetched() {
    static const EVP_MD* const kDigest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (kDigest == nullptr) broken("SHA-256 is not available");
    return kDigest;
}

EVP_MAC* fetchedMac() {
    static EVP_MAC* const kMac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    if (kMac == nullptr) broken("HMAC is not available");
    return kMac;
}

DigestContext newDigest() {
    DigestContext context(EVP_MD_CTX_new());
    if (!context) broken("no memory for a digest");
    return context;
}

void begin(EVP_MD_CTX* context) {
    if (EVP_DigestInit_ex2(context, fetched(), nullptr) != 1) broken("SHA-256 does not begin");
}

void feed(EVP_MD_CTX* context, base::BytesView piece) {
    if (EVP_DigestUpdate(context, piece.data(), piece.size()) != 1) broken("SHA-256 does not go on");
}

Digest256 end(EVP_MD_CTX* context) {
    Digest256 digest;
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context, digest.data(), &size) != 1 || size != digest.size()) broken("SHA-256 does not end");
    return digest;
}

EVP_MD_CTX* ofThisThread() {
    thread_local const DigestContext kContext = newDigest();
    return kContext.get();
}

}  // namespace

Digest256 sha256(base::BytesView data) { return sha256({data}); }

Digest256 sha256(std::initializer_list<base::BytesView> parts) {
    EVP_MD_CTX* context = ofThisThread();
    begin(context);
    for (const auto part : parts) feed(context, part);
    return end(context);
}

struct Sha256::State {
    DigestContext context = newDigest();
};

Sha256::Sha256() : state_(std::make_unique<State>()) { begin(state_->context.get()); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(base::BytesView piece) { feed(state_->context.get(), piece); }

Digest256 Sha256::finish() {
    const Digest256 digest = end(state_->context.get());
    begin(state_->context.get());
    return digest;
}

struct HmacSha256::State {
    MacContext keyed;
    ContextSlots<EVP_MAC_CTX, EVP_MAC_CTX_free> ready;
};

HmacSha256::HmacSha256(base::BytesView key) : state_(std::make_unique<State>()) {
    state_->keyed.reset(EVP_MAC_CTX_new(fetchedMac()));
    std::array<char, 7> digest{"SHA256"};
    const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                               OSSL_PARAM_construct_end()};
    // A null key means "keep the last one" to the library, so the empty key points at something.
    static constexpr std::uint8_t kNothing = 0;
    const auto* bytes = key.empty() ? &kNothing : key.data();
    if (!state_->keyed || EVP_MAC_init(state_->keyed.get(), bytes, key.size(), parameters.data()) != 1) broken("HMAC takes no key");
}
HmacSha256::~HmacSha256() = default;
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;

Digest256 HmacSha256::mac(base::BytesView data) const { return mac({data}); }

Digest256 HmacSha256::mac(std::initializer_list<base::BytesView> parts) const {
    // A context begins anew under the key it has, at less than half the cost of a copy (EVP_MAC_init(3), a null key).
    MacContext context(state_->ready.take());
    if (!context)
        context.reset(EVP_MAC_CTX_dup(state_->keyed.get()));
    else if (EVP_MAC_init(context.get(), nullptr, 0, nullptr) != 1)
        broken("HMAC does not begin anew");
    if (!context) broken("no memory for a MAC");
    for (const auto part : parts)
        if (EVP_MAC_update(context.get(), part.data(), part.size()) != 1) broken("HMAC does not go on");
    Digest256 out;
    std::size_t size = 0;
    if (EVP_MAC_final(context.get(), out.data(), &size, out.size()) != 1 || size != out.size()) broken("HMAC does not end");
    state_->ready.give(context.release());
    return out;
}

bool HmacSha256::verify(base::BytesView data, base::BytesView expected) const { return base::equalConstantTime(mac(data), expected); }

}  // namespace agentidp::crypto
