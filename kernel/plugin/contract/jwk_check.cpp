#include "plugin/contract/jwk_check.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <memory>

#include "base/text.h"

namespace agentidp::plugin::contract {
namespace {

using base::Bytes;
using base::BytesView;
using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

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
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

std::optional<Bytes> bytesIn(const Value& jwk, std::string_view member) {
    const auto text = jwk.textOr(member, "");
    if (text.empty()) return std::nullopt;
    return base::unbase64url(text);
}

std::string_view kindOf(std::string_view alg) {
    if (alg == "ES256") return "EC";
    if (alg == "RS256" || alg == "PS256") return "RSA";
    if (alg == "EdDSA") return "OKP";
    return "";
}

Key fromParams(const char* type, OSSL_PARAM* params) {
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 || EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return {};
    return Key(key);
}

Key publicKey(const Value& jwk, std::string_view alg) {
    if (alg == "EdDSA") {
        const auto x = bytesIn(jwk, "x");
        if (!x) return {};
        return Key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, x->data(), x->size()));
    }
    const Builder builder(OSSL_PARAM_BLD_new());
    if (alg == "ES256") {
        const auto x = bytesIn(jwk, "x"), y = bytesIn(jwk, "y");
        if (!x || !y || x->size() != 32 || y->size() != 32) return {};
        Bytes point{4};
        point.insert(point.end(), x->begin(), x->end());
        point.insert(point.end(), y->begin(), y->end());
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
        const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
        return fromParams("EC", params.get());
    }
    const auto n = bytesIn(jwk, "n"), e = bytesIn(jwk, "e");
    if (!n || !e) return {};
    const Number modulus(BN_bin2bn(n->data(), static_cast<int>(n->size()), nullptr));
    const Number exponent(BN_bin2bn(e->data(), static_cast<int>(e->size()), nullptr));
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    return fromParams("RSA", params.get());
}

/// OpenSSL wants ECDSA signatures as DER; a JWS carries r||s.
std::optional<Bytes> derOf(BytesView raw) {
    if (raw.size() != 64) return std::nullopt;
    ECDSA_SIG* signature = ECDSA_SIG_new();
    ECDSA_SIG_set0(signature, BN_bin2bn(raw.data(), 32, nullptr), BN_bin2bn(raw.data() + 32, 32, nullptr));
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(signature, &der);
    ECDSA_SIG_free(signature);
    if (size <= 0) return std::nullopt;
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

}  // namespace

std::optional<std::string> thumbprintOf(const Value& jwk) {
    const auto kty = jwk.textOr("kty", "");
    std::string canonical;
    // RFC 7638 section 3.2: the required members only, in lexicographic order, no white space.
    const auto append = [&](std::initializer_list<const char*> names) {
        for (const char* name : names) {
            const auto text = jwk.textOr(name, "");
            if (text.empty()) return false;
            canonical += canonical.empty() ? "{\"" : ",\"";
            canonical += std::string(name) + "\":\"" + text + "\"";
        }
        canonical += "}";
        return true;
    };
    const bool complete = kty == "EC"    ? append({"crv", "kty", "x", "y"})
                          : kty == "RSA" ? append({"e", "kty", "n"})
                          : kty == "OKP" ? append({"crv", "kty", "x"})
                                         : false;
    if (!complete) return std::nullopt;
    std::uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(canonical.data()), canonical.size(), digest);
    return base::base64url(digest);
}

std::optional<std::string> faultIn(const Value& jwk, std::string_view alg) {
    if (jwk.asObject() == nullptr) return "the JWK is not an object";
    for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "k", "oth"})
        if (jwk.find(name) != nullptr) return std::string("the public JWK carries the private member ") + name;
    if (jwk.textOr("kty", "") != kindOf(alg)) return "kty does not fit " + std::string(alg);
    if (alg == "ES256" && jwk.textOr("crv", "") != "P-256") return "crv of an ES256 key is not P-256";
    if (alg == "EdDSA" && jwk.textOr("crv", "") != "Ed25519") return "crv of an EdDSA key is not Ed25519";
    const Key key = publicKey(jwk, alg);
    if (!key) return "OpenSSL cannot read the JWK as a key of " + std::string(alg);
    if (kindOf(alg) == "RSA" && EVP_PKEY_get_bits(key.get()) < 2048) return "the RSA key has fewer than 2048 bits";
    return std::nullopt;
}

Result<bool> verifies(const Value& jwk, std::string_view alg, BytesView data, BytesView signature) {
    const Key key = publicKey(jwk, alg);
    if (!key) return fail(Errc::Invalid, "the JWK cannot be read");
    Bytes value(signature.begin(), signature.end());
    if (alg == "ES256") {
        auto der = derOf(signature);
        if (!der) return fail(Errc::Invalid, "an ES256 signature has 64 bytes, this one " + std::to_string(signature.size()));
        value = std::move(*der);
    }
    const DigestContext context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* settings = nullptr;
    const auto* digest = alg == "EdDSA" ? nullptr : EVP_sha256();
    if (EVP_DigestVerifyInit(context.get(), &settings, digest, nullptr, key.get()) != 1)
        return fail(Errc::Internal, "OpenSSL cannot verify");
    if (alg == "PS256" && (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) <= 0 ||
                           EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) <= 0))
        return fail(Errc::Internal, "OpenSSL has no PSS");
    return EVP_DigestVerify(context.get(), value.data(), value.size(), data.data(), data.size()) == 1;
}

Result<base::Secret> freshPkcs8(std::string_view alg, unsigned rsaBits) {
    const Key key(alg == "ES256"   ? EVP_EC_gen("P-256")
                  : alg == "EdDSA" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                   : EVP_RSA_gen(rsaBits));
    if (!key) return fail(Errc::Internal, "OpenSSL made no key");
    PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key.get());
    unsigned char* der = nullptr;
    const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    PKCS8_PRIV_KEY_INFO_free(info);
    if (size <= 0) return fail(Errc::Internal, "OpenSSL wrote no PKCS#8");
    Bytes bytes(der, der + size);
    OPENSSL_clear_free(der, static_cast<std::size_t>(size));
    return base::Secret(std::move(bytes));
}

}  // namespace agentidp::plugin::contract
