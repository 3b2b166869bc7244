#include "keystore/public_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <cstring>

#include "keystore/base64url.h"
#include "keystore/openssl.h"

namespace agentidp::keystore {
namespace {

constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // a signature by a larger one takes tens of milliseconds

struct Name {
    Algorithm algorithm;
    const char* name;
};
constexpr Name kNames[] = {
    {Algorithm::ES256, "ES256"}, {Algorithm::RS256, "RS256"}, {Algorithm::PS256, "PS256"}, {Algorithm::EdDSA, "EdDSA"}};

// What stands before the point in a SubjectPublicPartInfo: RFC 5480 (id-ecPublicPart, secp256r1), RFC 8410 (id-Ed25519).
constexpr std::string_view kP256Spki(
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00", 26);
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

const unsigned char* bytesOf(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

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

Key publicKeyFrom(Encoding encoding, std::string_view encoded) {
    if (encoding == Encoding::RawEd25519)
        return Key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytesOf(encoded), encoded.size()));
    if (encoding == Encoding::SpkiPem) {
        const std::unique_ptr<BIO, Freed<BIO_free_all>> text(BIO_new_mem_buf(encoded.data(), static_cast<int>(encoded.size())));
        return Key(text ? PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr) : nullptr);
    }
    if (encoding == Encoding::P256Point) return publicKeyFrom(Encoding::SpkiDer, std::string(kP256Spki).append(encoded));
    const auto* at = bytesOf(encoded);
    const auto* const end = at + encoded.size();
    Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(encoded.size())));
    return at == end ? std::move(key) : nullptr;
}

aip::Outcome<PublicPart> judged(const Key& key, Algorithm algorithm) {
    ERR_clear_error();
    if (!key) return aip::invalid("not a public key");
    if (const char* why = misfit(key.get(), algorithm)) return aip::invalid(why);
    return publicPartOf(key.get(), algorithm);
}

/// One DER integer of an ECDSA signature, right-aligned into 32 bytes. `at` moves behind it.
bool readInteger(std::string_view der, std::size_t& at, char* out) {
    if (at + 2 > der.size() || der[at] != 2) return false;
    std::size_t size = static_cast<unsigned char>(der[at + 1]);
    std::size_t from = at + 2;
    if (size == 0 || from + size > der.size()) return false;
    at = from + size;
    const auto highBit = [&](std::size_t where) { return (static_cast<unsigned char>(der[where]) & 0x80U) != 0; };
    if (highBit(from)) return false;
    if (der[from] == 0) {
        if (size == 1 || !highBit(from + 1)) return false;
        ++from, --size;
    }
    if (size > 32) return false;
    std::memcpy(out + (32 - size), der.data() + from, size);
    return true;
}

}  // namespace

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

aip::Outcome<PublicPart> publicPartOf(const EVP_PKEY* key, Algorithm algorithm) {
    PublicPart made{jwkOf(key, algorithm), {}};
    made.fingerprint = base64url(sha256(made.jwk));
    return made;
}

aip::Outcome<PublicPart> publicPart(Algorithm algorithm, Encoding encoding, std::string_view encoded) {
    return judged(publicKeyFrom(encoding, encoded), algorithm);
}

aip::Outcome<PublicPart> publicPart(Algorithm algorithm, std::string_view modulus, std::string_view exponent) {
    const Number n(BN_bin2bn(bytesOf(modulus), static_cast<int>(modulus.size()), nullptr));
    const Number e(BN_bin2bn(bytesOf(exponent), static_cast<int>(exponent.size()), nullptr));
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    if (!builder || !context || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1 || EVP_PKEY_fromdata_init(context.get()) != 1)
        return sslFail("OpenSSL takes no RSA key");
    const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    EVP_PKEY* raw = nullptr;
    (void)EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, params.get());
    return judged(Key(raw), algorithm);
}

std::optional<std::string> rawFromDer(std::string_view der) {
    std::string raw(64, '\0');
    std::size_t at = 2;
    // Always under 128 bytes for P-256, so its length is one byte.
    if (der.size() <= 2 || der[0] != 0x30 || static_cast<unsigned char>(der[1]) != der.size() - 2 || !readInteger(der, at, raw.data()) ||
        !readInteger(der, at, raw.data() + 32) || at != der.size())
        return std::nullopt;
    return raw;
}

std::string sha256(std::string_view bytes) {
    std::string digest(SHA256_DIGEST_LENGTH, '\0');
    SHA256(bytesOf(bytes), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()));
    return digest;
}

}  // namespace agentidp::keystore
