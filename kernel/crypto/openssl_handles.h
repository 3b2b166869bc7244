#pragma once
/// @file kernel/crypto/openssl_handles.h
/// Private to this room: what its .cpp files share of OpenSSL. Included nowhere else.
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <array>
#include <atomic>
#include <memory>

#include "base/result.h"
#include "crypto/key.h"

namespace agentidp::crypto {

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* handle) const {
        Free(handle);
    }
};
using PkeyHandle = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using BigNumber = std::unique_ptr<BIGNUM, FreeWith<BN_clear_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>>;
using DigestContextHandle = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;

/// An Error whose detail is the library's first complaint; its error queue is empty afterwards.
[[nodiscard]] base::Error opensslError(base::Errc code, std::string hint);

/// Contexts that are ready to work, kept with their key. Any thread takes one and gives it back; an empty slot means that
/// the caller makes a new one. Slots are atomics, so there is no lock, and what no slot takes is freed.
template <class T, void (*Free)(T*)>
class ContextSlots {
public:
    ContextSlots() = default;
    ContextSlots(const ContextSlots&) = delete;
    ContextSlots& operator=(const ContextSlots&) = delete;
    ~ContextSlots() {
        for (auto& slot : slots_)
            if (T* left = slot.load(std::memory_order_acquire)) Free(left);
    }
    [[nodiscard]] T* take() { return mine().exchange(nullptr, std::memory_order_acq_rel); }
    void give(T* context) {
        if (T* other = mine().exchange(context, std::memory_order_acq_rel)) Free(other);
    }

private:
    static constexpr std::size_t kSlots = 16;
    std::atomic<T*>& mine() {
        static std::atomic<std::size_t> threads{0};
        thread_local const std::size_t kThread = threads.fetch_add(1, std::memory_order_relaxed);
        return slots_[kThread % kSlots];
    }
    std::array<std::atomic<T*>, kSlots> slots_{};
};

/// Slots by algorithm, for contexts made by EVP_PKEY_sign_init or EVP_PKEY_verify_init, and for plain digest contexts.
struct SignatureSlots {
    std::array<ContextSlots<EVP_PKEY_CTX, EVP_PKEY_CTX_free>, 3> byAlgorithm;
    ContextSlots<EVP_MD_CTX, EVP_MD_CTX_free> oneShot;
};

struct PublicKey::Impl {
    PublicMembers members;
    PkeyHandle pkey;
    mutable SignatureSlots slots;
};

struct PrivateKey::Impl {
    Impl(PublicKey pub, PkeyHandle pkey) : pub(std::move(pub)), pkey(std::move(pkey)) {}
    PublicKey pub;
    PkeyHandle pkey;
    mutable SignatureSlots slots;
};

/// The members of a foreign EVP_PKEY, not yet checked; Errc::Unsupported for a type or curve that is not ours.
[[nodiscard]] base::Result<PublicMembers> publicMembersOf(const EVP_PKEY* pkey);
/// Builds a key of the members alone; `priv` may be null.
[[nodiscard]] base::Result<PkeyHandle> pkeyOf(const PublicMembers& pub, const PrivateMembers* priv);

}  // namespace agentidp::crypto
