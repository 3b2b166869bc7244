#include "crypto/aead.h"

#include "base/ids.h"
#include "crypto/openssl_handles.h"

namespace agentidp::crypto {
namespace {

using base::Bytes;
using base::BytesView;
using base::Errc;
using base::fail;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kKey = 32;
constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kMost = std::size_t{1} << 30U;

const EVP_CIPHER* cipher() {
    static const EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    return kCipher;
}

}  // namespace

base::Result<Aead> Aead::withKey(BytesView key) {
    if (key.size() != kKey) return fail(Errc::Invalid, "an AES-256 key has 32 bytes");
    return Aead(LockedBytes(key));
}

base::Result<Bytes> Aead::seal(BytesView plain, std::string_view aad) const {
    if (aad.empty()) return fail(Errc::Invalid, "an envelope needs associated data");
    if (plain.size() > kMost) return fail(Errc::TooLarge, "too large for an envelope");
    Bytes out(1 + kNonce + plain.size() + kTag);
    out[0] = kVersion;
    base::fillRandom(std::span(out).subspan(1, kNonce));
    const CipherContext context(EVP_CIPHER_CTX_new());
    std::uint8_t* body = out.data() + 1 + kNonce;
    int size = 0;
    int tail = 0;
    if (!context || EVP_EncryptInit_ex2(context.get(), cipher(), key_.view().data(), out.data() + 1, nullptr) != 1 ||
        EVP_EncryptUpdate(context.get(), nullptr, &size, base::bytesOf(aad).data(), static_cast<int>(aad.size())) != 1 ||
        EVP_EncryptUpdate(context.get(), body, &size, plain.data(), static_cast<int>(plain.size())) != 1 ||
        EVP_EncryptFinal_ex(context.get(), body + size, &tail) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, body + plain.size()) != 1)
        return opensslError(Errc::Internal, "encryption failed");
    return out;
}

base::Result<base::Secret> Aead::open(BytesView envelope, std::string_view aad) const {
    const auto refused = [] {
        ERR_clear_error();
        return fail(Errc::Invalid, "the envelope does not open");
    };
    if (aad.empty() || envelope.size() < 1 + kNonce + kTag || envelope.size() > kMost || envelope[0] != kVersion) return refused();
    const BytesView body = envelope.subspan(1 + kNonce, envelope.size() - 1 - kNonce - kTag);
    Bytes tag(envelope.end() - kTag, envelope.end());
    // One byte more than needed, so that an empty plaintext still has an address.
    Bytes plain(body.size() + 1);
    const CipherContext context(EVP_CIPHER_CTX_new());
    int size = 0;
    int tail = 0;
    const bool opened = context && EVP_DecryptInit_ex2(context.get(), cipher(), key_.view().data(), envelope.data() + 1, nullptr) == 1 &&
                        EVP_DecryptUpdate(context.get(), nullptr, &size, base::bytesOf(aad).data(), static_cast<int>(aad.size())) == 1 &&
                        EVP_DecryptUpdate(context.get(), plain.data(), &size, body.data(), static_cast<int>(body.size())) == 1 &&
                        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1 &&
                        EVP_DecryptFinal_ex(context.get(), plain.data() + size, &tail) == 1;
    base::Secret secret(std::move(plain));
    if (!opened) return refused();
    const auto whole = secret.view().first(body.size());
    return base::Secret(Bytes(whole.begin(), whole.end()));
}

}  // namespace agentidp::crypto
