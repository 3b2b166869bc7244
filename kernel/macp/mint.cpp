#include "macp/mint.h"

#include <array>
#include <cmath>

#include "base/ecma_json.h"
#include "base/ids.h"
#include "base/text.h"
#include "jose/jws.h"

namespace agentidp::macp {
namespace {

/// What the ledger keeps word for word; longer texts are cut, longer scopes are kept as their hash.
constexpr std::size_t kSenderInLedger = 256;
constexpr std::size_t kScopesInLedger = 1024;

/// At most `most` bytes, and no half of a character.
std::string_view cut(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && (static_cast<std::uint8_t>(text[most]) & 0xC0U) == 0x80) --most;
    return text.substr(0, most);
}

std::string metadataOf(const MintRequest& request, const MintCaller& caller, const std::string& kid, std::int64_t expiresAt) {
    const auto sender = base::json::wellFormed(request.sender);
    std::string text;
    base::json::Writer writer(text);
    writer.beginObject().key("sender").text(cut(sender, kSenderInLedger)).key("auth").text(nameOf(caller.auth));
    if (request.scopesJson.size() <= kScopesInLedger)
        writer.key("scopes").text(request.scopesJson);
    else
        writer.key("scopesSha256").text(base::hex(crypto::sha256(base::bytesOf(request.scopesJson))));
    writer.key("expiresAt").number(expiresAt).key("kid").text(kid).endObject();
    return text;
}

}  // namespace

std::int64_t roundHalfUp(double seconds) {
    const double whole = std::floor(seconds);
    return static_cast<std::int64_t>(whole) + (seconds - whole >= 0.5 ? 1 : 0);
}

MintResult<MintedToken> Mint::mint(const MintRequest& request, const MintCaller& caller, const model::Origin& origin) const {
    const auto key = signer_.current();
    if (!key) return refusalOf(key.error());
    const auto algorithm = crypto::algorithmNamed(key->alg);
    if (!algorithm) return refusalOf(base::fail(base::Errc::Internal, {}, "the signing key has the unknown algorithm " + key->alg));

    const auto issuedAt = base::epochSecondsOf(origin.at);
    const auto expiresAt = issuedAt + roundHalfUp(request.ttlSeconds);
    std::array<std::uint8_t, 16> random{};
    base::fillRandom(random);
    MintedToken out;
    out.jti = base::base64url(random);

    const auto sender = base::json::quotedEcma(request.sender);
    std::string claims;
    claims.reserve(256 + request.scopesJson.size() + sender.size());
    base::json::Writer writer(claims);
    writer.beginObject().key("macp_scopes").raw(request.scopesJson).key("sub").raw(sender);
    writer.key("iss").text(names_.issuer).key("aud").text(names_.audience);
    writer.key("iat").number(issuedAt).key("exp").number(expiresAt).key("jti").text(out.jti).endObject();

    out.token = jose::signingInput(jose::headerSegment(*algorithm, model::KeyId(key->kid), {}), claims);
    const auto signature = signer_.sign(*key, out.token);
    if (!signature) return refusalOf(signature.error());
    jose::appendSignature(out.token, *signature);

    std::string body;
    body.reserve(out.token.size() + sender.size() + 64);
    base::json::Writer(body)
        .beginObject()
        .key("token")
        .text(out.token)
        .key("sender")
        .raw(sender)
        .key("expires_in_seconds")
        .raw(base::json::ecmaNumber(request.ttlSeconds))
        .endObject();
    out.answer = answerOf(200, std::move(body));

    out.event = model::beginEvent(model::Action::TokenMinted, model::Outcome::Success, origin, caller.actor);
    if (caller.agent) {
        out.event.agentId = caller.agent->agentId;
        out.event.agentNum = caller.agent->agentNum;
        out.event.organizationId = caller.agent->organizationId;
        out.event.organizationNum = caller.agent->organizationNum;
    }
    out.event.jti = out.jti;
    out.event.metadataJson = metadataOf(request, caller, key->kid, expiresAt);
    return out;
}

}  // namespace agentidp::macp
