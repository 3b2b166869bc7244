#include "oauth/issuer.h"

#include <algorithm>
#include <span>

#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"
#include "jose/jws.h"

namespace agentidp::oauth {
namespace {

constexpr std::int64_t kBornLaterAtMost = 2;

std::int64_t issuedAt(const Client& client, base::Instant now) {
    const auto seconds = base::epochSecondsOf(now);
    if (!client.supersedes(seconds)) return seconds;
    // Further ahead the mark is another replica's wrong clock: waiting it out is safer than tokens from the future.
    const auto next = base::epochSecondsOf(*client.agent.tokensNotBefore) + 1;
    return next - seconds <= kBornLaterAtMost ? next : seconds;
}

/// `{"a":1}` appended to an object that is still open: `,"a":1`.
void appendMembers(std::string& out, std::string_view object) {
    if (object.size() <= 2) return;
    out.push_back(',');
    out.append(object.substr(1, object.size() - 2));
}

}  // namespace

RandomDraw RandomDraw::fresh() {
    RandomDraw draw;
    base::fillRandom(draw.bytes);
    return draw;
}

std::shared_ptr<const Issuer::Head> Issuer::headFor(const SignerKey& key) const {
    {
        auto held = head_.lock();
        const auto& head = *held;
        if (head && head->key.kid == key.kid && head->key.alg == key.alg) return head;
    }
    const auto algorithm = crypto::algorithmNamed(key.alg);
    if (!algorithm) return nullptr;
    auto head = std::make_shared<Head>(Head{key, jose::headerSegment(*algorithm, model::KeyId(key.kid), "at+jwt")});
    *head_.lock() = head;
    return head;
}

OauthResult<UnsignedToken> Issuer::prepare(const Request& request, const RandomDraw& random) const {
    auto key = signer_.current();
    if (!key) return oauthErrorOf(key.error());
    const auto head = headFor(*key);
    if (!head) return oauthErrorOf(base::fail(base::Errc::Internal, {}, "the signing key has the unknown algorithm " + key->alg));
    const auto& grant = request.grant;
    const auto now = request.origin.at;
    const auto iat = issuedAt(request.client, now);
    UnsignedToken token;
    token.jti = model::Jti(base::base64url(std::span(random.bytes).first<16>()));
    token.expiresIn = grant.lifetime.count();
    token.expiresAt = iat + token.expiresIn;
    token.scope = model::joined(grant.scopes);

    std::string claims;
    claims.reserve(512 + token.scope.size() + grant.claimsJson.size());
    base::json::Writer writer(claims);
    writer.beginObject();
    writer.key("iss").text(issuer_).key("sub").text(grant.subject.str()).key("client_id").text(grant.clientId.str());
    writer.key("aud").text(grant.audience).key("scope").text(token.scope);
    writer.key("iat").number(iat).key("nbf").number(iat).key("exp").number(token.expiresAt);
    writer.key("jti").text(token.jti.str()).key("organization_id").text(grant.organizationId.str());
    appendMembers(claims, grant.claimsJson);
    writer.endObject();

    token.signingInput = jose::signingInput(head->segment, claims);
    token.key = *std::move(key);

    auto& event = token.event;
    event.eventId = model::EventId(base::uuidV7(now, std::span(random.bytes).subspan<16, 8>()));
    event.timestamp = now;
    event.action = model::Action::TokenIssued;
    event.agentId = grant.subject;
    event.agentNum = grant.agentNum;
    event.organizationId = grant.organizationId;
    event.organizationNum = grant.organizationNum;
    event.actor = grant.clientId.str();
    event.requestId = request.origin.requestId;
    event.ip = request.origin.ip;
    event.userAgent = request.origin.userAgent;
    event.jti = token.jti.str();
    event.metadataJson.clear();
    base::json::Writer metadata(event.metadataJson);
    // In canonical order (RFC 8785), so that the ledger takes it as it is.
    metadata.beginObject();
    if (!request.credentialId.empty()) metadata.key("credentialId").text(request.credentialId.str());
    metadata.key("expiresAt").number(token.expiresAt).key("kid").text(token.key.kid).key("scope").text(token.scope).endObject();
    return token;
}

IssuedToken Issuer::finish(UnsignedToken&& token, base::BytesView signature) {
    IssuedToken out;
    out.accessToken = std::move(token.signingInput);
    jose::appendSignature(out.accessToken, signature);
    out.jti = std::move(token.jti);
    std::string body;
    body.reserve(out.accessToken.size() + token.scope.size() + 96);
    base::json::Writer writer(body);
    writer.beginObject().key("access_token").text(out.accessToken).key("token_type").text("Bearer");
    writer.key("expires_in").number(token.expiresIn).key("scope").text(token.scope).endObject();
    out.answer = jsonAnswer(200, std::move(body));
    return out;
}

OauthResult<IssuedToken> Issuer::sign(UnsignedToken&& token) const {
    auto signature = signer_.sign(token.key, token.signingInput);
    if (!signature) return oauthErrorOf(signature.error());
    return finish(std::move(token), *signature);
}

}  // namespace agentidp::oauth
