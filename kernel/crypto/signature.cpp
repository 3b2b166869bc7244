/// Signing and verifying. Contexts are initialised once per key, algorithm and thread slot: EVP_PKEY_sign and EVP_PKEY_verify
/// may be called again on the same context (EVP_PKEY_sign(3), NOTES), which a digest-sign context may not.
#include <algorithm>
#include <new>
#include <stdexcept>

#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/openssl_handles.h"

namespace agentidp::crypto {
namespace {

using base::Bytes;
using base::BytesView;
using base::Errc;

constexpr std::size_t kEcHalf = 32;
constexpr std::size_t kEd25519Signature = 64;
constexpr std::size_t kDerMost = 72;

enum class Direction { Sign, Verify };

/// Whether OpenSSL failed for want of memory: a signature that was not looked at is not a wrong one, and a revocation of a token that is
/// merely not understood would be answered as done.
bool outOfMemory() {
    for (auto code = ERR_get_error(); code != 0; code = ERR_get_error())
        if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) return true;
    return false;
}

const EVP_MD* sha256Digest() {
    static const EVP_MD* const kDigest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return kDigest;
}

PkeyContext newContext(EVP_PKEY* pkey, Algorithm algorithm, Direction direction) {
    PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey, nullptr));
    if (!context) return {};
    const int begun = direction == Direction::Sign ? EVP_PKEY_sign_init(context.get()) : EVP_PKEY_verify_init(context.get());
    bool ready = begun == 1 && EVP_PKEY_CTX_set_signature_md(context.get(), sha256Digest()) == 1;
    if (algorithm == Algorithm::Rs256) ready = ready && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1;
    if (algorithm == Algorithm::Ps256)
        ready = ready && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), sha256Digest()) == 1 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_DIGEST) == 1;
    if (!ready) context.reset();
    return context;
}

auto& slotFor(SignatureSlots& slots, Algorithm algorithm) { return slots.byAlgorithm.at(static_cast<std::size_t>(algorithm)); }

/// One INTEGER of an ECDSA-Sig-Value (RFC 3279 section 2.2.3) as our own library wrote it, right-aligned into `out`.
bool takeInteger(BytesView& der, std::uint8_t* out) {
    if (der.size() < 2 || der[0] != 2 || der[1] > 33 || der.size() < 2U + der[1]) return false;
    BytesView number = der.subspan(2, der[1]);
    der = der.subspan(2U + der[1]);
    while (!number.empty() && number.front() == 0) number = number.subspan(1);
    if (number.size() > kEcHalf) return false;
    std::copy(number.begin(), number.end(), out + (kEcHalf - number.size()));
    return true;
}

base::Result<Bytes> joinedFromDer(BytesView der) {
    Bytes out(2 * kEcHalf);
    BytesView inner = der.size() > 2 ? der.subspan(2) : BytesView{};
    if (!takeInteger(inner, out.data()) || !takeInteger(inner, out.data() + kEcHalf) || !inner.empty())
        return base::fail(Errc::Internal, "", "the library wrote an ECDSA signature in another form");
    return out;
}

void appendInteger(std::array<std::uint8_t, kDerMost>& der, std::size_t& size, BytesView number) {
    while (number.size() > 1 && number.front() == 0) number = number.subspan(1);
    const bool sign = (number.front() & 0x80U) != 0;
    der[size++] = 2;
    der[size++] = static_cast<std::uint8_t>(number.size() + (sign ? 1 : 0));
    if (sign) der[size++] = 0;
    size = static_cast<std::size_t>(std::copy(number.begin(), number.end(), der.begin() + static_cast<std::ptrdiff_t>(size)) - der.begin());
}

std::size_t derFromJoined(BytesView joined, std::array<std::uint8_t, kDerMost>& der) {
    std::size_t size = 2;
    appendInteger(der, size, joined.first(kEcHalf));
    appendInteger(der, size, joined.last(kEcHalf));
    der[0] = 0x30;
    der[1] = static_cast<std::uint8_t>(size - 2);
    return size;
}

base::Result<Bytes> signOneShot(EVP_PKEY* pkey, SignatureSlots& slots, BytesView data) {
    DigestContextHandle context(slots.oneShot.take());
    if (!context) context.reset(EVP_MD_CTX_new());
    Bytes signature(kEd25519Signature);
    std::size_t size = signature.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pkey) != 1 ||
        EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1 || size != signature.size())
        return opensslError(Errc::Internal, "signing failed");
    slots.oneShot.give(context.release());
    return signature;
}

bool verifyOneShot(EVP_PKEY* pkey, SignatureSlots& slots, BytesView data, BytesView signature) {
    DigestContextHandle context(slots.oneShot.take());
    if (!context) context.reset(EVP_MD_CTX_new());
    const bool good = context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey) == 1 &&
                      EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
    const bool starved = !context || outOfMemory();
    ERR_clear_error();
    if (context) slots.oneShot.give(context.release());
    if (starved && !good) throw std::bad_alloc();
    return good;
}

}  // namespace

base::Result<Bytes> PrivateKey::sign(Algorithm algorithm, BytesView data) const {
    if (typeFor(algorithm) != type()) return base::fail(Errc::Invalid, "the algorithm is not for this type of key");
    if (algorithm == Algorithm::EdDsa) return signOneShot(impl_->pkey.get(), impl_->slots, data);
    auto& slot = slotFor(impl_->slots, algorithm);
    PkeyContext context(slot.take());
    if (!context) context = newContext(impl_->pkey.get(), algorithm, Direction::Sign);
    if (!context) return opensslError(Errc::Internal, "signing failed");
    const Digest256 digest = sha256(data);
    if (algorithm == Algorithm::Es256) {
        std::array<std::uint8_t, kDerMost> der{};
        std::size_t size = der.size();
        if (EVP_PKEY_sign(context.get(), der.data(), &size, digest.data(), digest.size()) != 1)
            return opensslError(Errc::Internal, "signing failed");
        slot.give(context.release());
        return joinedFromDer(BytesView(der).first(size));
    }
    Bytes signature(impl_->pub.members().n.size());
    std::size_t size = signature.size();
    if (EVP_PKEY_sign(context.get(), signature.data(), &size, digest.data(), digest.size()) != 1 || size != signature.size())
        return opensslError(Errc::Internal, "signing failed");
    slot.give(context.release());
    return signature;
}

bool PublicKey::verify(Algorithm algorithm, BytesView data, BytesView signature) const {
    if (typeFor(algorithm) != type()) return false;
    if (algorithm == Algorithm::EdDsa)
        return signature.size() == kEd25519Signature && verifyOneShot(impl_->pkey.get(), impl_->slots, data, signature);
    const bool ec = algorithm == Algorithm::Es256;
    if (signature.size() != (ec ? 2 * kEcHalf : impl_->members.n.size())) return false;
    auto& slot = slotFor(impl_->slots, algorithm);
    PkeyContext context(slot.take());
    if (!context) context = newContext(impl_->pkey.get(), algorithm, Direction::Verify);
    bool good = false;
    if (context) {
        const Digest256 digest = sha256(data);
        std::array<std::uint8_t, kDerMost> der{};
        const BytesView value = ec ? BytesView(der).first(derFromJoined(signature, der)) : signature;
        good = EVP_PKEY_verify(context.get(), value.data(), value.size(), digest.data(), digest.size()) == 1;
        slot.give(context.release());
    }
    const bool starved = outOfMemory();
    ERR_clear_error();
    if (starved && !good) throw std::bad_alloc();
    return good;
}

}  // namespace agentidp::crypto
