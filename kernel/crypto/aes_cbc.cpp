#include "crypto/aes_cbc.h"

#include "crypto/openssl_handles.h"

namespace agentidp::crypto {
namespace {

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;
constexpr std::size_t kBlock = 16;
constexpr std::size_t kMost = 1U << 20U;

}  // namespace

base::Result<base::Secret> openAesCbc(base::BytesView key, base::BytesView iv, base::BytesView sealed) {
    const auto refused = [] {
        ERR_clear_error();
        return base::fail(base::Errc::Invalid, "the value does not open with this key");
    };
    if (key.size() != 32 || iv.size() != kBlock || sealed.empty() || sealed.size() % kBlock != 0 || sealed.size() > kMost) return refused();
    base::Bytes plain(sealed.size() + kBlock);
    int size = 0, tail = 0;
    const CipherContext context(EVP_CIPHER_CTX_new());
    const bool opened = context && EVP_DecryptInit_ex2(context.get(), EVP_aes_256_cbc(), key.data(), iv.data(), nullptr) == 1 &&
                        EVP_DecryptUpdate(context.get(), plain.data(), &size, sealed.data(), static_cast<int>(sealed.size())) == 1 &&
                        EVP_DecryptFinal_ex(context.get(), plain.data() + size, &tail) == 1;
    if (!opened) {
        base::wipe(plain.data(), plain.size());
        return refused();
    }
    plain.resize(static_cast<std::size_t>(size + tail));
    return base::Secret(std::move(plain));
}

}  // namespace agentidp::crypto
