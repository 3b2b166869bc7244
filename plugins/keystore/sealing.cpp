#include "sealing.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <sys/mman.h>

#include <algorithm>

#include "keystore/base64url.h"

namespace agentidp::keystore {
namespace {

using keystore::base64url;
using keystore::unbase64url;

constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;
using Kdf = std::unique_ptr<EVP_KDF, Freed<EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Freed<EVP_KDF_CTX_free>>;

const unsigned char* bytesOf(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytesOf(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

bool hkdf(std::string_view secret, std::string_view info, unsigned char* out, std::size_t size) {
    const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    const KdfContext context(EVP_KDF_CTX_new(kdf.get()));
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<char*>(secret.data()), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(info.data()), info.size()),
        OSSL_PARAM_construct_end(),
    };
    return context && EVP_KDF_derive(context.get(), out, size, params) == 1;
}

CipherContext begin(const unsigned char* key, const unsigned char* nonce, std::string_view aad, int encrypt) {
    CipherContext context(EVP_CIPHER_CTX_new());
    int ignored = 0;
    if (!context || EVP_CipherInit_ex2(context.get(), EVP_aes_256_gcm(), key, nonce, encrypt, nullptr) != 1 ||
        (!aad.empty() && EVP_CipherUpdate(context.get(), nullptr, &ignored, bytesOf(aad), static_cast<int>(aad.size())) != 1))
        return {};
    return context;
}

std::optional<int> hexDigit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return std::nullopt;
}

}  // namespace

void Sealing::Unmap::operator()(Keys* keys) const {
    OPENSSL_cleanse(keys, sizeof *keys);
    munmap(keys, sizeof *keys);
}

aip::Outcome<Sealing> Sealing::fromKek(std::string_view kek) {
    if (kek.size() != kKekSize) return aip::invalid("a key-encryption key has 32 bytes");
    void* page = mmap(nullptr, sizeof(Keys), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return aip::unavailable("no memory for keys");
    // Both may fail under a small RLIMIT_MEMLOCK; the keys are then as safe as other memory of the process.
    (void)mlock(page, sizeof(Keys));
    (void)madvise(page, sizeof(Keys), MADV_DONTDUMP);
    Sealing made;
    made.keys_.reset(static_cast<Keys*>(page));
    // The names are those of the plugin that had them first: another text would be another key.
    std::string id(8, '\0');
    if (!hkdf(kek, "agentidp keys-file key file 1", made.keys_->keyFile, sizeof made.keys_->keyFile) ||
        !hkdf(kek, "agentidp keys-file data key 1", made.keys_->dataKey, sizeof made.keys_->dataKey) ||
        !hkdf(kek, "agentidp keys-file kek id 1", bytesOf(id), id.size()))
        return aip::internal("OpenSSL has no HKDF");
    made.kekId_ = base64url(id);
    return made;
}

aip::Outcome<std::string> Sealing::seal(Purpose purpose, std::string_view plain, std::string_view aad) const {
    std::string out(kNonce + plain.size() + kTag, '\0');
    if (RAND_bytes(bytesOf(out), kNonce) != 1) return aip::internal("OpenSSL has no random bytes");
    const auto context = begin(keyFor(purpose), bytesOf(out), aad, 1);
    int size = 0;
    if (!context ||
        (!plain.empty() &&
         EVP_CipherUpdate(context.get(), bytesOf(out) + kNonce, &size, bytesOf(plain), static_cast<int>(plain.size())) != 1) ||
        EVP_CipherFinal_ex(context.get(), bytesOf(out) + kNonce + plain.size(), &size) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, bytesOf(out) + kNonce + plain.size()) != 1)
        return aip::internal("OpenSSL could not seal");
    return out;
}

aip::Outcome<aip::Secret> Sealing::open(Purpose purpose, std::string_view sealed, std::string_view aad) const {
    if (sealed.size() < kNonce + kTag) return aip::invalid("too short to be sealed");
    const auto cipher = sealed.substr(kNonce, sealed.size() - kNonce - kTag);
    std::string tag(sealed.substr(sealed.size() - kTag));
    const auto context = begin(keyFor(purpose), bytesOf(sealed), aad, 0);
    aip::Secret plain;
    plain.resize(cipher.size());
    int size = 0;
    unsigned char none = 0;
    if (!context ||
        (!cipher.empty() && EVP_CipherUpdate(context.get(), plain.data(), &size, bytesOf(cipher), static_cast<int>(cipher.size())) != 1) ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) != 1)
        return aip::internal("OpenSSL could not open");
    if (EVP_CipherFinal_ex(context.get(), &none, &size) != 1) return aip::invalid("not sealed under this key for this place");
    return plain;
}

aip::Secret kekFrom(std::string_view content) {
    if (content.size() == Sealing::kKekSize) return aip::Secret(content);
    while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.remove_suffix(1);
    aip::Secret kek;
    if (content.size() == 64) {
        for (std::size_t i = 0; i < 64; i += 2) {
            const auto high = hexDigit(content[i]), low = hexDigit(content[i + 1]);
            if (!high || !low) return {};
            const auto byte = static_cast<unsigned char>(*high << 4 | *low);
            kek.append(&byte, 1);
        }
        return kek;
    }
    if (content.size() == 44 && content.back() == '=') content.remove_suffix(1);
    if (content.size() != 43) return {};
    std::string text(content);
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    auto bytes = unbase64url(text);
    aip::wipe(text.data(), text.size());
    if (!bytes || bytes->size() != Sealing::kKekSize) return {};
    kek.append(bytes->data(), bytes->size());
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.InnerPointer): the memory wiped is that of the text, which nothing has moved
    aip::wipe(bytes->data(), bytes->size());
    return kek;
}

}  // namespace agentidp::keystore
