#include "crypto/key.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/locked_memory.h"
#include "crypto/openssl_handles.h"
#include "crypto/weak_rsa.h"

namespace agentidp::crypto {
namespace {

using base::Bytes;
using base::BytesView;
using base::Errc;
using base::fail;

constexpr std::size_t kLeastModulus = 2048;
constexpr std::size_t kMostModulus = 8192;
constexpr std::size_t kMostExponentBytes = 8;
constexpr std::size_t kMostDer = 16384;
constexpr const char* kCurve = "prime256v1";

BigNumber numberOf(BytesView bytes) { return BigNumber(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)); }

BigNumber secretNumberOf(BytesView bytes) {
    BigNumber number(BN_secure_new());
    if (!number || BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), number.get()) == nullptr) return {};
    BN_set_flags(number.get(), BN_FLG_CONSTTIME);
    return number;
}

Bytes bytesOf(const BIGNUM* number, std::size_t width = 0) {
    Bytes out(width != 0 ? width : static_cast<std::size_t>(BN_num_bytes(number)));
    if (BN_bn2binpad(number, out.data(), static_cast<int>(out.size())) < 0) out.clear();
    return out;
}

base::Result<Bytes> memberOf(const EVP_PKEY* pkey, const char* name, std::size_t width = 0) {
    BIGNUM* raw = nullptr;
    if (EVP_PKEY_get_bn_param(pkey, name, &raw) != 1) return opensslError(Errc::Invalid, "the key lacks a member");
    const BigNumber number(raw);
    Bytes out = bytesOf(number.get(), width);
    if (out.empty()) return fail(Errc::Invalid, "a member of the key is out of range");
    return out;
}

base::Result<base::Secret> secretMemberOf(const EVP_PKEY* pkey, const char* name, std::size_t width = 0) {
    auto bytes = memberOf(pkey, name, width);
    if (!bytes) return std::move(bytes).error();
    return base::Secret(std::move(*bytes));
}

bool isMinimal(BytesView number) { return !number.empty() && number.front() != 0; }

/// The points whose multiples are few (RFC 7748 section 6.1 lists their kind), and encodings of y that are not below 2^255-19.
bool isWeakEd25519(BytesView key) {
    static constexpr std::array<std::string_view, 5> kSmallOrder{"0000000000000000000000000000000000000000000000000000000000000000",
                                                                 "0100000000000000000000000000000000000000000000000000000000000000",
                                                                 "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                                                 "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                                                                 "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"};
    Bytes y(key.begin(), key.end());
    y.back() &= 0x7fU;
    const bool overPrime =
        y.back() == 0x7fU && y.front() >= 0xedU && std::all_of(y.begin() + 1, y.end() - 1, [](auto b) { return b == 0xffU; });
    const std::string text = base::hex(y);
    return overPrime || std::find(kSmallOrder.begin(), kSmallOrder.end(), text) != kSmallOrder.end();
}

base::Result<void> checkRsa(const PublicMembers& members) {
    if (!isMinimal(members.n) || !isMinimal(members.e)) return fail(Errc::Invalid, "RSA members n and e have no leading zeros");
    const BigNumber modulus = numberOf(members.n);
    const BigNumber exponent = numberOf(members.e);
    if (!modulus || !exponent) return opensslError(Errc::Internal, "");
    const auto bits = static_cast<std::size_t>(BN_num_bits(modulus.get()));
    if (bits < kLeastModulus || bits > kMostModulus) return fail(Errc::Invalid, "an RSA modulus has 2048 to 8192 bits");
    if (BN_is_odd(modulus.get()) == 0) return fail(Errc::Invalid, "an RSA modulus is odd");
    if (members.e.size() > kMostExponentBytes || BN_is_odd(exponent.get()) == 0 || BN_get_word(exponent.get()) < 65537)
        return fail(Errc::Invalid, "an RSA exponent is odd, at least 65537 and at most 8 bytes");
    if (isRocaModulus(members.n)) return fail(Errc::Invalid, "this RSA modulus is known to be weak (CVE-2017-15361)");
    return {};
}

base::Result<void> checkMembers(const PublicMembers& members) {
    switch (members.type) {
        case KeyType::Ec:
            if (members.x.size() != 32 || members.y.size() != 32) return fail(Errc::Invalid, "P-256 coordinates have 32 bytes");
            return {};
        case KeyType::Rsa: return checkRsa(members);
        case KeyType::Ed25519:
            if (members.x.size() != 32) return fail(Errc::Invalid, "an Ed25519 key has 32 bytes");
            if (isWeakEd25519(members.x)) return fail(Errc::Invalid, "this Ed25519 key is of small order or not canonical");
            return {};
    }
    return fail(Errc::Internal, "", "no such key type");
}

base::Result<PkeyHandle> fromData(const char* type, int selection, OSSL_PARAM_BLD* builder) {
    const Params params(OSSL_PARAM_BLD_to_param(builder));
    const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* raw = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &raw, selection, params.get()) != 1)
        return opensslError(Errc::Invalid, "the members do not make a key");
    return PkeyHandle(raw);
}

base::Result<PkeyHandle> ecKey(const PublicMembers& pub, const PrivateMembers* priv) {
    std::array<std::uint8_t, 65> point{4};
    std::copy(pub.x.begin(), pub.x.end(), point.begin() + 1);
    std::copy(pub.y.begin(), pub.y.end(), point.begin() + 33);
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    BigNumber scalar;
    if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kCurve, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
        return opensslError(Errc::Internal, "");
    if (priv != nullptr) {
        if (priv->d.view().size() != 32) return fail(Errc::Invalid, "a P-256 private key has 32 bytes");
        scalar = secretNumberOf(priv->d.view());
        if (!scalar || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get()) != 1)
            return opensslError(Errc::Internal, "");
    }
    return fromData("EC", priv != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, builder.get());
}

base::Result<PkeyHandle> rsaKey(const PublicMembers& pub, const PrivateMembers* priv) {
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    std::vector<BigNumber> numbers;
    bool pushed = builder != nullptr;
    const auto push = [&](const char* name, BigNumber number) {
        pushed = pushed && number && OSSL_PARAM_BLD_push_BN(builder.get(), name, number.get()) == 1;
        numbers.push_back(std::move(number));
    };
    push(OSSL_PKEY_PARAM_RSA_N, numberOf(pub.n));
    push(OSSL_PKEY_PARAM_RSA_E, numberOf(pub.e));
    if (priv != nullptr) {
        const std::array<std::pair<const char*, const base::Secret*>, 6> parts{{{OSSL_PKEY_PARAM_RSA_D, &priv->d},
                                                                                {OSSL_PKEY_PARAM_RSA_FACTOR1, &priv->p},
                                                                                {OSSL_PKEY_PARAM_RSA_FACTOR2, &priv->q},
                                                                                {OSSL_PKEY_PARAM_RSA_EXPONENT1, &priv->dp},
                                                                                {OSSL_PKEY_PARAM_RSA_EXPONENT2, &priv->dq},
                                                                                {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, &priv->qi}}};
        for (const auto& [name, secret] : parts) {
            if (secret->empty() || secret->view().size() > pub.n.size())
                return fail(Errc::Invalid, "an RSA private key has d, p, q, dp, dq and qi, none longer than n");
            push(name, secretNumberOf(secret->view()));
        }
    }
    if (!pushed) return opensslError(Errc::Internal, "");
    return fromData("RSA", priv != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, builder.get());
}

base::Result<PkeyHandle> ed25519Key(const PublicMembers& pub, const PrivateMembers* priv) {
    if (priv == nullptr) {
        PkeyHandle pkey(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, pub.x.data(), pub.x.size()));
        if (!pkey) return opensslError(Errc::Invalid, "not an Ed25519 key");
        return pkey;
    }
    const auto seed = priv->d.view();
    PkeyHandle pkey(EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, seed.data(), seed.size()));
    if (!pkey) return opensslError(Errc::Invalid, "an Ed25519 private key has 32 bytes");
    std::array<std::uint8_t, 32> derived{};
    std::size_t size = derived.size();
    if (EVP_PKEY_get_raw_public_key(pkey.get(), derived.data(), &size) != 1) return opensslError(Errc::Internal, "");
    if (!base::equalConstantTime(derived, pub.x)) return fail(Errc::Invalid, "the private part does not belong to the public part");
    return pkey;
}

/// The DER inside one PEM block, and its label.
struct PemBlock {
    std::string label;
    base::Secret der;
};

base::Result<PemBlock> pemBlockOf(std::string_view pem) {
    constexpr std::string_view kBegin = "-----BEGIN ";
    constexpr std::string_view kDashes = "-----";
    const auto refused = [] { return fail(Errc::Invalid, "not one PEM block"); };
    auto text = base::trim(pem);
    if (text.size() > 2 * kMostDer || text.substr(0, kBegin.size()) != kBegin) return refused();
    text.remove_prefix(kBegin.size());
    const auto labelEnd = text.find(kDashes);
    if (labelEnd == std::string_view::npos) return refused();
    PemBlock block{std::string(text.substr(0, labelEnd)), {}};
    const std::string end = "-----END " + block.label + "-----";
    text.remove_prefix(labelEnd + kDashes.size());
    if (text.size() < end.size() || text.substr(text.size() - end.size()) != end) return refused();
    text.remove_suffix(end.size());
    if (text.find("ENCRYPTED") != std::string_view::npos || block.label.find("ENCRYPTED") != std::string::npos)
        return fail(Errc::Unsupported, "an encrypted private key is not read here: decrypt it first");
    Bytes body;
    body.reserve(text.size());
    std::copy_if(text.begin(), text.end(), std::back_inserter(body),
                 [](char c) { return c != '\n' && c != '\r' && c != ' ' && c != '\t'; });
    const base::Secret base64Text(std::move(body));
    auto der = base::unbase64(base64Text.text());
    if (!der || der->empty()) return refused();
    block.der = base::Secret(std::move(*der));
    return block;
}

/// Calls one of the library's d2i functions and refuses bytes behind the structure.
template <class Handle, class Decode>
Handle decodeWhole(BytesView der, Decode decode) {
    const unsigned char* at = der.data();
    Handle handle(der.size() <= kMostDer ? decode(&at, static_cast<long>(der.size())) : nullptr);
    if (at != der.data() + der.size()) handle.reset();
    return handle;
}

base::Error notDer() { return opensslError(Errc::Invalid, "not a key in DER, or bytes follow it"); }

using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeWith<PKCS8_PRIV_KEY_INFO_free>>;

base::Result<PrivateMembers> privateMembersOf(const EVP_PKEY* pkey, KeyType type) {
    PrivateMembers out;
    base::Result<void> verdict;
    const auto take = [&](base::Secret& into, const char* name, std::size_t width) {
        auto member = secretMemberOf(pkey, name, width);
        if (member)
            into = std::move(*member);
        else if (verdict)
            verdict = std::move(member).error();
    };
    if (type == KeyType::Ec) {
        take(out.d, OSSL_PKEY_PARAM_PRIV_KEY, 32);
    } else if (type == KeyType::Rsa) {
        take(out.d, OSSL_PKEY_PARAM_RSA_D, 0);
        take(out.p, OSSL_PKEY_PARAM_RSA_FACTOR1, 0);
        take(out.q, OSSL_PKEY_PARAM_RSA_FACTOR2, 0);
        take(out.dp, OSSL_PKEY_PARAM_RSA_EXPONENT1, 0);
        take(out.dq, OSSL_PKEY_PARAM_RSA_EXPONENT2, 0);
        take(out.qi, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0);
    } else {
        Bytes seed(32);
        std::size_t size = seed.size();
        if (EVP_PKEY_get_raw_private_key(pkey, seed.data(), &size) != 1) return opensslError(Errc::Internal, "");
        out.d = base::Secret(std::move(seed));
    }
    if (!verdict) return std::move(verdict).error();
    return out;
}

base::Result<PrivateKey> privateKeyOf(const EVP_PKEY* pkey) {
    auto pub = publicMembersOf(pkey);
    if (!pub) return std::move(pub).error();
    auto priv = privateMembersOf(pkey, pub->type);
    if (!priv) return std::move(priv).error();
    return PrivateKey::fromMembers(*pub, *priv);
}

base::Result<PublicKey> publicKeyOf(const EVP_PKEY* pkey) {
    auto members = publicMembersOf(pkey);
    if (!members) return std::move(members).error();
    return PublicKey::fromMembers(std::move(*members));
}

}  // namespace

base::Error opensslError(Errc code, std::string hint) {
    const auto first = ERR_get_error();
    std::array<char, 160> text{};
    if (first != 0) ERR_error_string_n(first, text.data(), text.size());
    ERR_clear_error();
    return fail(code, std::move(hint), text.data());
}

base::Result<PublicMembers> publicMembersOf(const EVP_PKEY* pkey) {
    PublicMembers out;
    if (EVP_PKEY_is_a(pkey, "EC") == 1) {
        std::array<char, 32> curve{};
        std::size_t size = 0;
        if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, curve.data(), curve.size(), &size) != 1 ||
            std::string_view(curve.data(), size) != kCurve)
            return opensslError(Errc::Unsupported, "the only elliptic curve for ES256 is P-256");
        auto x = memberOf(pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32);
        auto y = memberOf(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
        if (!x) return std::move(x).error();
        if (!y) return std::move(y).error();
        out.type = KeyType::Ec;
        out.x = std::move(*x);
        out.y = std::move(*y);
        return out;
    }
    if (EVP_PKEY_is_a(pkey, "RSA") == 1) {
        auto n = memberOf(pkey, OSSL_PKEY_PARAM_RSA_N);
        auto e = memberOf(pkey, OSSL_PKEY_PARAM_RSA_E);
        if (!n) return std::move(n).error();
        if (!e) return std::move(e).error();
        out.type = KeyType::Rsa;
        out.n = std::move(*n);
        out.e = std::move(*e);
        return out;
    }
    if (EVP_PKEY_is_a(pkey, "ED25519") == 1) {
        out.type = KeyType::Ed25519;
        out.x.resize(32);
        std::size_t size = out.x.size();
        if (EVP_PKEY_get_raw_public_key(pkey, out.x.data(), &size) != 1) return opensslError(Errc::Invalid, "not an Ed25519 key");
        return out;
    }
    return fail(Errc::Unsupported, "keys are P-256, RSA or Ed25519");
}

base::Result<PkeyHandle> pkeyOf(const PublicMembers& pub, const PrivateMembers* priv) {
    if (priv != nullptr) useLockedKeyArena();
    switch (pub.type) {
        case KeyType::Ec: return ecKey(pub, priv);
        case KeyType::Rsa: return rsaKey(pub, priv);
        case KeyType::Ed25519: return ed25519Key(pub, priv);
    }
    return fail(Errc::Internal, "", "no such key type");
}

std::string_view nameOf(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::Es256: return "ES256";
        case Algorithm::Rs256: return "RS256";
        case Algorithm::Ps256: return "PS256";
        case Algorithm::EdDsa: return "EdDSA";
    }
    return "";
}

std::optional<Algorithm> algorithmNamed(std::string_view name) {
    for (const auto algorithm : {Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa})
        if (nameOf(algorithm) == name) return algorithm;
    return std::nullopt;
}

KeyType typeFor(Algorithm algorithm) {
    if (algorithm == Algorithm::Es256) return KeyType::Ec;
    return algorithm == Algorithm::EdDsa ? KeyType::Ed25519 : KeyType::Rsa;
}

base::Result<PublicKey> PublicKey::fromMembers(PublicMembers members) {
    if (auto checked = checkMembers(members); !checked) return std::move(checked).error();
    auto pkey = pkeyOf(members, nullptr);
    if (!pkey) return std::move(pkey).error();
    auto impl = std::make_shared<Impl>();
    impl->members = std::move(members);
    impl->pkey = std::move(*pkey);
    return PublicKey(std::move(impl));
}

base::Result<PublicKey> PublicKey::fromDer(BytesView der) {
    const auto pkey = decodeWhole<PkeyHandle>(der, [](const unsigned char** at, long size) { return d2i_PUBKEY(nullptr, at, size); });
    if (!pkey) return notDer();
    return publicKeyOf(pkey.get());
}

base::Result<PublicKey> PublicKey::fromPem(std::string_view pem) {
    auto block = pemBlockOf(pem);
    if (!block) return std::move(block).error();
    if (block->label == "PUBLIC KEY") return fromDer(block->der.view());
    if (block->label != "RSA PUBLIC KEY") return fail(Errc::Unsupported, "a public key is a PUBLIC KEY or an RSA PUBLIC KEY block");
    const auto pkey = decodeWhole<PkeyHandle>(
        block->der.view(), [](const unsigned char** at, long size) { return d2i_PublicKey(EVP_PKEY_RSA, nullptr, at, size); });
    if (!pkey) return notDer();
    return publicKeyOf(pkey.get());
}

KeyType PublicKey::type() const { return impl_->members.type; }
const PublicMembers& PublicKey::members() const { return impl_->members; }

std::string PublicKey::toPem() const {
    unsigned char* raw = nullptr;
    const int size = i2d_PUBKEY(impl_->pkey.get(), &raw);
    if (size <= 0) throw std::bad_alloc();
    const std::string body = base::base64({raw, static_cast<std::size_t>(size)});
    OPENSSL_free(raw);
    std::string pem = "-----BEGIN PUBLIC KEY-----\n";
    for (std::size_t at = 0; at < body.size(); at += 64) pem.append(body, at, 64).push_back('\n');
    return pem + "-----END PUBLIC KEY-----\n";
}

bool PublicKey::operator==(const PublicKey& other) const {
    const auto& left = members();
    const auto& right = other.members();
    return left.type == right.type && left.x == right.x && left.y == right.y && left.n == right.n && left.e == right.e;
}

base::Result<PrivateKey> PrivateKey::generate(Algorithm algorithm) {
    useLockedKeyArena();
    PkeyHandle pkey;
    switch (typeFor(algorithm)) {
        case KeyType::Ec: pkey.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); break;
        case KeyType::Rsa: pkey.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", kLeastModulus)); break;
        case KeyType::Ed25519: pkey.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); break;
    }
    if (!pkey) return opensslError(Errc::Internal, "no key could be generated");
    return privateKeyOf(pkey.get());
}

base::Result<PrivateKey> PrivateKey::fromMembers(const PublicMembers& pub, const PrivateMembers& priv) {
    auto publicKey = PublicKey::fromMembers(pub);
    if (!publicKey) return std::move(publicKey).error();
    auto pkey = pkeyOf(pub, &priv);
    if (!pkey) return std::move(pkey).error();
    if (pub.type != KeyType::Ed25519) {
        const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey->get(), nullptr));
        if (!context || EVP_PKEY_check(context.get()) != 1)
            return opensslError(Errc::Invalid, "the private part does not belong to the public part");
    }
    return PrivateKey(std::make_shared<Impl>(std::move(*publicKey), std::move(*pkey)));
}

base::Result<PrivateKey> PrivateKey::fromPkcs8(BytesView der) {
    useLockedKeyArena();
    const auto info =
        decodeWhole<Pkcs8>(der, [](const unsigned char** at, long size) { return d2i_PKCS8_PRIV_KEY_INFO(nullptr, at, size); });
    const PkeyHandle pkey(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
    if (!pkey) return notDer();
    return privateKeyOf(pkey.get());
}

base::Result<PrivateKey> PrivateKey::fromPem(std::string_view pem) {
    auto block = pemBlockOf(pem);
    if (!block) return std::move(block).error();
    if (block->label == "PRIVATE KEY") return fromPkcs8(block->der.view());
    useLockedKeyArena();
    int type = EVP_PKEY_NONE;
    if (block->label == "RSA PRIVATE KEY") type = EVP_PKEY_RSA;
    if (block->label == "EC PRIVATE KEY") type = EVP_PKEY_EC;
    if (type == EVP_PKEY_NONE) return fail(Errc::Unsupported, "a private key is a PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY block");
    const auto pkey = decodeWhole<PkeyHandle>(
        block->der.view(), [type](const unsigned char** at, long size) { return d2i_PrivateKey(type, nullptr, at, size); });
    if (!pkey) return notDer();
    return privateKeyOf(pkey.get());
}

base::Result<PrivateKey> PrivateKey::ed25519FromSeed(BytesView seed) {
    useLockedKeyArena();
    const PkeyHandle pkey(EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, seed.data(), seed.size()));
    if (!pkey) return opensslError(Errc::Invalid, "an Ed25519 private key has 32 bytes");
    return privateKeyOf(pkey.get());
}

const PublicKey& PrivateKey::publicKey() const { return impl_->pub; }

base::Result<PrivateMembers> PrivateKey::members() const { return privateMembersOf(impl_->pkey.get(), type()); }

base::Result<base::Secret> PrivateKey::toPkcs8() const {
    const Pkcs8 info(EVP_PKEY2PKCS8(impl_->pkey.get()));
    const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr) : -1;
    if (size <= 0) return opensslError(Errc::Internal, "the key cannot be written");
    Bytes der(static_cast<std::size_t>(size));
    unsigned char* at = der.data();
    (void)i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at);
    return base::Secret(std::move(der));
}

}  // namespace agentidp::crypto
