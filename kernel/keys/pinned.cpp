#include "keys/pinned.h"

#include <algorithm>

#include "base/text.h"
#include "jose/jwk.h"

namespace agentidp::keys {
namespace {

using base::Errc;
using base::fail;
using crypto::Algorithm;

base::Error refused(const std::string& source, const std::string& why) { return fail(Errc::Invalid, source + ": " + why); }

/// PEM as variables carry it: with line ends, or with the two characters that mean one.
base::Secret unescaped(std::string_view text) {
    base::Bytes out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 'n' || text[i + 1] == 'r');
        out.push_back(static_cast<std::uint8_t>(escape ? '\n' : text[i]));
        if (escape) ++i;
    }
    return base::Secret(std::move(out));
}

std::string_view typeName(crypto::KeyType type) {
    switch (type) {
        case crypto::KeyType::Ec: return "an EC P-256 key";
        case crypto::KeyType::Rsa: return "an RSA key";
        case crypto::KeyType::Ed25519: break;
    }
    return "an Ed25519 key";
}

base::Result<PinnedKey> fromJwk(const PinText& given) {
    // What the JWK says of itself is read first, so that a refusal can tell both sides.
    const bool rsa = crypto::typeFor(given.alg) == crypto::KeyType::Rsa;
    auto jwk = jose::importPrivateText(given.text, rsa ? given.alg : Algorithm::Rs256);
    if (!jwk) return refused(given.source, jwk.error().hint.empty() ? "is no private JWK" : jwk.error().hint);
    auto fingerprint = jose::thumbprint(jwk->key.publicKey());
    return PinnedKey{jwk->alg, std::move(jwk->key), std::move(fingerprint), jwk->namesItself ? jwk->kid.str() : "", given.source};
}

base::Result<PinnedKey> fromPem(const PinText& given) {
    const auto pem = unescaped(given.text);
    auto key = crypto::PrivateKey::fromPem(pem.text());
    if (!key) {
        const bool half = pem.text().find("PUBLIC KEY-----") != std::string_view::npos;
        const auto why = half ? "holds a public key only; the private key is needed" : key.error().hint;
        return refused(given.source, why.empty() ? "is no private key in PEM, and no JWK" : why);
    }
    auto fingerprint = jose::thumbprint(key->publicKey());
    const auto alg = key->type() == crypto::typeFor(given.alg) ? given.alg
                     : key->type() == crypto::KeyType::Rsa     ? Algorithm::Rs256
                     : key->type() == crypto::KeyType::Ec      ? Algorithm::Es256
                                                               : Algorithm::EdDsa;
    return PinnedKey{alg, std::move(*key), std::move(fingerprint), "", given.source};
}

base::Result<void> checkPublicHalf(const PinText& given, const PinnedKey& pinned) {
    if (!given.publicText) return {};
    const auto half = crypto::PublicKey::fromPem(unescaped(*given.publicText).text());
    if (!half) return refused(given.publicSource, half.error().hint.empty() ? "is no public key in PEM" : half.error().hint);
    if (!(*half == pinned.key.publicKey())) return refused(given.publicSource, "is not the public half of " + given.source);
    return {};
}

}  // namespace

base::Result<PinnedKey> readPinned(const PinText& given) {
    auto pinned = base::trim(given.text).starts_with("{") ? fromJwk(given) : fromPem(given);
    if (!pinned) return pinned;
    if (pinned->alg != given.alg)
        return refused(given.source, "holds " + std::string(typeName(pinned->key.type())) + " for " +
                                         std::string(crypto::nameOf(pinned->alg)) + ", and " + given.algSource + " says " +
                                         std::string(crypto::nameOf(given.alg)));
    if (auto matches = checkPublicHalf(given, *pinned); !matches) return std::move(matches).error();
    return pinned;
}

Pin pinOf(const PinnedKey& pinned, Pin::Activation activation) { return {pinned.fingerprint, pinned.kid, activation}; }

base::Result<void> checkPin(const std::vector<model::SigningKey>& keys, const PinnedKey& pinned) {
    KeyPolicy policy;
    policy.alg = pinned.alg;
    policy.pin = pinOf(pinned, Pin::Activation::Wait);
    const auto* row = pinnedAmong(keys, policy);
    if (row != nullptr && row->compromised)
        return refused(pinned.source, "this key (" + row->kid.str() + ") was retired as compromised; pin another one");
    const bool taken = row == nullptr && !pinned.kid.empty() &&
                       std::any_of(keys.begin(), keys.end(), [&](const model::SigningKey& other) { return other.kid.str() == pinned.kid; });
    if (taken) return refused(pinned.source, "its kid " + pinned.kid + " is that of another key or algorithm here; give the JWK a new kid");
    return {};
}

}  // namespace agentidp::keys
