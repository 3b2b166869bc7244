#include "jose/jwk.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "crypto/hash.h"

namespace agentidp::jose {
namespace {

using base::Bytes;
using base::BytesView;
using base::Errc;
using base::fail;
using base::json::Value;
using crypto::Algorithm;
using crypto::KeyType;

constexpr std::array<std::string_view, 7> kPrivateNames{"d", "p", "q", "dp", "dq", "qi", "oth"};
constexpr base::json::Limits kJwkLimits{32768, 4};
constexpr base::json::Limits kJwksLimits{std::size_t{1} << 20U, 6};
constexpr std::size_t kMaxKeys = 256;

base::Error badMember(std::string_view name) { return fail(Errc::Invalid, "JWK member " + std::string(name) + " is missing or malformed"); }

base::Result<std::string> textMember(const Value& jwk, std::string_view name) {
    const auto* member = jwk.find(name);
    const auto* text = member != nullptr ? member->asText() : nullptr;
    if (text == nullptr) return badMember(name);
    return *text;
}

base::Result<Bytes> bytesMember(const Value& jwk, std::string_view name) {
    const auto* member = jwk.find(name);
    const auto* text = member != nullptr ? member->asText() : nullptr;
    auto bytes = text != nullptr ? base::unbase64url(*text) : std::nullopt;
    if (!bytes || bytes->empty()) return badMember(name);
    return std::move(*bytes);
}

/// Collects members and remembers the first that is wrong.
struct Reader {
    const Value& jwk;
    std::optional<base::Error> problem;

    Bytes bytes(std::string_view name) {
        auto member = bytesMember(jwk, name);
        if (member) return std::move(*member);
        if (!problem) problem = std::move(member).error();
        return {};
    }
    base::Secret secret(std::string_view name) { return base::Secret(bytes(name)); }
};

base::Result<KeyType> typeOf(const Value& jwk) {
    const auto kty = textMember(jwk, "kty");
    if (!kty) return kty.error();
    if (*kty == "RSA") return KeyType::Rsa;
    const auto crv = jwk.textOr("crv", "");
    if (*kty == "EC" && crv == "P-256") return KeyType::Ec;
    if (*kty == "OKP" && crv == "Ed25519") return KeyType::Ed25519;
    return fail(Errc::Unsupported, "JWKs are EC P-256, RSA or OKP Ed25519");
}

base::Result<crypto::PublicMembers> publicMembersOf(const Value& jwk) {
    const auto type = typeOf(jwk);
    if (!type) return type.error();
    crypto::PublicMembers members;
    members.type = *type;
    Reader read{jwk, {}};
    if (*type == KeyType::Rsa) {
        members.n = read.bytes("n");
        members.e = read.bytes("e");
    } else {
        members.x = read.bytes("x");
        if (*type == KeyType::Ec) members.y = read.bytes("y");
    }
    if (read.problem) return *std::move(read.problem);
    return members;
}

base::Result<Algorithm> algorithmOf(const Value& jwk, KeyType type, std::optional<Algorithm> otherwise) {
    std::optional<Algorithm> algorithm = otherwise;
    if (jwk.find("alg") != nullptr) {
        const auto name = textMember(jwk, "alg");
        if (!name) return name.error();
        algorithm = crypto::algorithmNamed(*name);
        if (!algorithm) return fail(Errc::Unsupported, "JWK member alg is none of ES256, RS256, PS256, EdDSA");
    } else if (type != KeyType::Rsa) {
        algorithm = type == KeyType::Ec ? Algorithm::Es256 : Algorithm::EdDsa;
    }
    if (!algorithm) return fail(Errc::Invalid, "an RSA JWK names its alg");
    if (crypto::typeFor(*algorithm) != type) return fail(Errc::Invalid, "JWK member alg is not for this kty");
    return *algorithm;
}

/// RFC 7517 sections 4.2 and 4.3: what a key says it is for binds whoever uses it.
base::Result<void> checkPurpose(const Value& jwk, std::string_view operation) {
    if (const auto* use = jwk.find("use")) {
        const auto* text = use->asText();
        if (text == nullptr || *text != "sig") return fail(Errc::Invalid, "JWK member use is not sig");
    }
    if (const auto* member = jwk.find("key_ops")) {
        const auto* operations = member->asArray();
        const bool named = operations != nullptr && std::any_of(operations->begin(), operations->end(), [&](const Value& one) {
                               const auto* text = one.asText();
                               return text != nullptr && *text == operation;
                           });
        if (!named) return fail(Errc::Invalid, "JWK member key_ops does not hold " + std::string(operation));
    }
    return {};
}

base::Result<std::string> kidOf(const Value& jwk) {
    if (jwk.find("kid") == nullptr) return std::string();
    auto kid = textMember(jwk, "kid");
    if (kid && (kid->empty() || kid->size() > kMaxKidLength)) return badMember("kid");
    return kid;
}

void writeMember(base::json::Writer& writer, std::string_view name, BytesView bytes) { writer.key(name).text(base::base64url(bytes)); }

void writeKeyMembers(base::json::Writer& writer, const crypto::PublicKey& key) {
    const auto& members = key.members();
    switch (members.type) {
        case KeyType::Rsa:
            writer.key("kty").text("RSA");
            writeMember(writer, "n", members.n);
            writeMember(writer, "e", members.e);
            break;
        case KeyType::Ec:
            writer.key("kty").text("EC");
            writeMember(writer, "x", members.x);
            writeMember(writer, "y", members.y);
            writer.key("crv").text("P-256");
            break;
        case KeyType::Ed25519:
            writer.key("kty").text("OKP");
            writeMember(writer, "x", members.x);
            writer.key("crv").text("Ed25519");
            break;
    }
}

void writePublic(base::json::Writer& writer, const VerificationKey& key) {
    writer.beginObject();
    writeKeyMembers(writer, key.key);
    writer.key("kid").text(key.kid.str()).key("alg").text(crypto::nameOf(key.alg)).key("use").text("sig").endObject();
}

}  // namespace

std::string thumbprint(const crypto::PublicKey& key) {
    // RFC 7638 section 3.2: the required members only, in lexicographic order, without white space.
    const auto& members = key.members();
    std::string text;
    base::json::Writer writer(text);
    writer.beginObject();
    if (members.type == KeyType::Rsa) {
        writeMember(writer, "e", members.e);
        writer.key("kty").text("RSA");
        writeMember(writer, "n", members.n);
    } else if (members.type == KeyType::Ec) {
        writer.key("crv").text("P-256").key("kty").text("EC");
        writeMember(writer, "x", members.x);
        writeMember(writer, "y", members.y);
    } else {
        writer.key("crv").text("Ed25519").key("kty").text("OKP");
        writeMember(writer, "x", members.x);
    }
    writer.endObject();
    return base::base64url(crypto::sha256(base::bytesOf(text)));
}

base::Result<VerificationKey> importPublic(const Value& jwk, std::optional<Algorithm> otherwise) {
    if (jwk.asObject() == nullptr) return fail(Errc::Invalid, "a JWK is a JSON object");
    for (const auto name : kPrivateNames)
        if (jwk.find(name) != nullptr) return fail(Errc::Invalid, "a public JWK has no private members");
    if (auto purpose = checkPurpose(jwk, "verify"); !purpose) return std::move(purpose).error();
    auto members = publicMembersOf(jwk);
    if (!members) return std::move(members).error();
    const auto algorithm = algorithmOf(jwk, members->type, otherwise);
    if (!algorithm) return algorithm.error();
    auto kid = kidOf(jwk);
    if (!kid) return std::move(kid).error();
    auto key = crypto::PublicKey::fromMembers(std::move(*members));
    if (!key) return std::move(key).error();
    std::string name = kid->empty() ? thumbprint(*key) : std::move(*kid);
    return VerificationKey{model::KeyId(std::move(name)), *algorithm, std::move(*key)};
}

base::Result<SigningJwk> importPrivate(const Value& jwk, std::optional<Algorithm> otherwise) {
    if (jwk.asObject() == nullptr) return fail(Errc::Invalid, "a JWK is a JSON object");
    if (auto purpose = checkPurpose(jwk, "sign"); !purpose) return std::move(purpose).error();
    const auto pub = publicMembersOf(jwk);
    if (!pub) return pub.error();
    const auto algorithm = algorithmOf(jwk, pub->type, otherwise);
    if (!algorithm) return algorithm.error();
    auto kid = kidOf(jwk);
    if (!kid) return std::move(kid).error();
    if (jwk.find("d") == nullptr) return fail(Errc::Invalid, "the JWK is public only: member d is missing");
    if (jwk.find("oth") != nullptr) return fail(Errc::Unsupported, "RSA keys of more than two primes are not read");
    crypto::PrivateMembers priv;
    Reader read{jwk, {}};
    priv.d = read.secret("d");
    if (pub->type == KeyType::Rsa) {
        priv.p = read.secret("p");
        priv.q = read.secret("q");
        priv.dp = read.secret("dp");
        priv.dq = read.secret("dq");
        priv.qi = read.secret("qi");
    }
    if (read.problem) return *std::move(read.problem);
    auto key = crypto::PrivateKey::fromMembers(*pub, priv);
    if (!key) return std::move(key).error();
    const bool named = !kid->empty();
    std::string name = named ? std::move(*kid) : thumbprint(key->publicKey());
    return SigningJwk{model::KeyId(std::move(name)), named, *algorithm, std::move(*key)};
}

base::Result<SigningJwk> importPrivateText(std::string_view json, std::optional<Algorithm> otherwise) {
    const auto jwk = base::json::parse(json, kJwkLimits);
    if (!jwk) return jwk.error();
    return importPrivate(*jwk, otherwise);
}

Value exportPublic(const VerificationKey& key) {
    std::string text;
    base::json::Writer writer(text);
    writePublic(writer, key);
    // What our own writer wrote is JSON.
    return base::json::parse(text, kJwkLimits).value();
}

base::Result<base::Secret> exportPrivate(const SigningJwk& key) {
    const auto priv = key.key.members();
    if (!priv) return priv.error();
    std::string text;
    text.reserve(16384);
    base::json::Writer writer(text);
    writer.beginObject();
    writeKeyMembers(writer, key.key.publicKey());
    const std::array<std::pair<std::string_view, const base::Secret*>, 6> members{
        {{"d", &priv->d}, {"p", &priv->p}, {"q", &priv->q}, {"dp", &priv->dp}, {"dq", &priv->dq}, {"qi", &priv->qi}}};
    for (const auto& [name, secret] : members) {
        if (secret->empty()) continue;
        std::string value = base::base64url(secret->view());
        writer.key(name).text(value);
        base::wipe(value.data(), value.size());
    }
    writer.key("kid").text(key.kid.str()).key("alg").text(crypto::nameOf(key.alg)).key("use").text("sig").endObject();
    return base::Secret::fromText(std::move(text));
}

std::string writeJwks(const std::vector<VerificationKey>& keys) {
    std::string text;
    base::json::Writer writer(text);
    writer.beginObject().key("keys").beginArray();
    for (const auto& key : keys) writePublic(writer, key);
    writer.endArray().endObject();
    return text;
}

base::Result<std::vector<VerificationKey>> parseJwks(std::string_view json) {
    const auto document = base::json::parse(json, kJwksLimits);
    if (!document) return document.error();
    const auto* member = document->find("keys");
    const auto* items = member != nullptr ? member->asArray() : nullptr;
    if (items == nullptr || items->empty() || items->size() > kMaxKeys) return fail(Errc::Invalid, "a JWK set has 1 to 256 keys");
    std::vector<VerificationKey> keys;
    for (const auto& item : *items) {
        auto key = importPublic(item);
        if (!key) return std::move(key).error();
        const bool known = std::any_of(keys.begin(), keys.end(), [&](const VerificationKey& other) { return other.kid == key->kid; });
        if (known) return fail(Errc::Invalid, "a kid occurs twice in the JWK set");
        keys.push_back(std::move(*key));
    }
    return keys;
}

}  // namespace agentidp::jose
