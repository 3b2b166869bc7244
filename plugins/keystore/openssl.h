#pragma once
/// @file plugins/keystore/openssl.h
/// OpenSSL's objects as owned values, for the .cpp files of this folder only.
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <agentidp/plugin.hpp>

#include <memory>

#include "keystore/public_key.h"

namespace agentidp::keystore {

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

/// The failure is told in our words; the queue must not leak into the next caller's.
inline aip::Fail sslFail(const char* what) {
    const auto code = ERR_peek_last_error();
    char text[160] = "";
    if (code != 0) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return aip::internal(what, text);
}

inline bool isRsa(Algorithm algorithm) { return algorithm == Algorithm::RS256 || algorithm == Algorithm::PS256; }

/// What keeps `key` from signing with `algorithm`, or null.
const char* misfit(const EVP_PKEY* key, Algorithm algorithm);
/// `key` fits `algorithm`.
aip::Outcome<PublicPart> publicPartOf(const EVP_PKEY* key, Algorithm algorithm);

}  // namespace agentidp::keystore
