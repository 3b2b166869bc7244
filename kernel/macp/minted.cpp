#include "macp/minted.h"

#include <cmath>

#include "base/ecma_json.h"
#include "jose/jws.h"

namespace agentidp::macp {
namespace {

namespace json = base::json;

bool mayWith(const model::Caller& caller, std::string_view scope) {
    return caller.holds(scope) && (caller.holds(kMintScope) || caller.platform());
}

std::optional<std::int64_t> secondsOf(const json::Value* value) {
    const auto* number = value != nullptr ? value->asDouble() : nullptr;
    constexpr double kLast = 253402300799;  // 9999-12-31T23:59:59Z
    if (number == nullptr || !(*number >= 0 && *number <= kLast) || std::floor(*number) != *number) return std::nullopt;
    return static_cast<std::int64_t>(*number);
}

bool says(const json::Value& claims, std::string_view name, const std::string& expected) {
    const auto* member = claims.find(name);
    return member != nullptr && member->asText() != nullptr && *member->asText() == expected;
}

/// Strict: every claim we write must be there, with its type.
std::optional<MintedClaims> claimsOf(std::string_view payload, const MintNames& names) {
    const auto parsed = json::parseEcma(payload, {jose::kMaxToken, kMaxDepth + 1});
    if (!parsed || !says(*parsed, "iss", names.issuer) || !says(*parsed, "aud", names.audience)) return std::nullopt;
    const auto* subject = parsed->find("sub");
    const auto* scopes = parsed->find("macp_scopes");
    const auto issuedAt = secondsOf(parsed->find("iat"));
    const auto expiresAt = secondsOf(parsed->find("exp"));
    auto jti = parsed->textOr("jti", "");
    if (subject == nullptr || subject->asText() == nullptr || scopes == nullptr || scopes->asObject() == nullptr || !issuedAt ||
        !expiresAt || jti.empty())
        return std::nullopt;
    MintedClaims out;
    out.subject = *subject->asText();
    out.scopesJson = json::writeEcma(*scopes);
    out.jti = std::move(jti);
    out.issuedAt = *issuedAt;
    out.expiresAt = *expiresAt;
    return out;
}

}  // namespace

base::Result<std::optional<MintedClaims>> Minted::verify(std::string_view token, base::Instant now) const {
    const std::optional<MintedClaims> worthless;
    const auto verified = ports_.jws.verify(token);
    if (!verified) {
        using base::Errc;
        const auto code = verified.error().code;
        if (code == Errc::Unavailable || code == Errc::Deadline || code == Errc::Internal) return verified.error();
        return worthless;
    }
    // An access token of ours is another thing, whatever its claims say.
    if (!verified->typ.empty() || !ports_.jws.trusts(verified->kid)) return worthless;
    auto claims = claimsOf(verified->payload, names_);
    if (!claims || claims->expiresAt <= base::epochSecondsOf(now)) return worthless;
    const auto revoked = ports_.revocations.isRevoked(claims->jti);
    if (!revoked) return revoked.error();
    if (*revoked) return worthless;
    claims->kid = verified->kid;
    return claims;
}

base::Result<std::optional<MintedAnswer>> Minted::introspect(const model::Caller& caller, std::string_view token, base::Instant now) const {
    const std::optional<MintedAnswer> nothing;
    if (!mayWith(caller, "tokens:introspect")) return nothing;
    auto claims = verify(token, now);
    if (!claims) return std::move(claims).error();
    if (!*claims) return nothing;
    const auto& live = **claims;
    std::string body;
    json::Writer writer(body);
    writer.beginObject().key("active").boolean(true).key("macp_scopes").raw(live.scopesJson);
    writer.key("sub").raw(json::quotedEcma(live.subject)).key("iss").text(names_.issuer).key("aud").text(names_.audience);
    writer.key("iat").number(live.issuedAt).key("exp").number(live.expiresAt).key("jti").text(live.jti).endObject();
    return std::optional(MintedAnswer{live.jti, std::move(body)});
}

base::Result<MintedRevocation> Minted::revoke(const model::Caller& caller, std::string_view token, const model::Origin& origin) const {
    MintedRevocation out;
    auto claims = verify(token, origin.at);
    if (!claims) return std::move(claims).error();
    if (!*claims) return out;
    out.claims = **std::move(claims);
    out.kind = MintedRevocation::Kind::Denied;
    if (!mayWith(caller, "tokens:revoke")) return out;
    out.kind = MintedRevocation::Kind::Revoke;
    const auto expiresAt = base::Instant(base::seconds(out.claims.expiresAt));
    out.mutation.changes.emplace_back(model::RevokeToken{model::Jti(out.claims.jti), expiresAt, origin.at});
    auto event = model::beginEvent(model::Action::TokenRevoked, model::Outcome::Success, origin, caller.actor());
    event.agentId = caller.agentId;
    event.agentNum = caller.agentNum;
    event.organizationId = caller.organizationId;
    event.organizationNum = caller.organizationNum;
    event.jti = out.claims.jti;
    event.metadataJson.clear();
    json::Writer(event.metadataJson)
        .beginObject()
        .key("minted")
        .boolean(true)
        .key("expiresAt")
        .number(out.claims.expiresAt)
        .key("kid")
        .text(out.claims.kid)
        .endObject();
    out.mutation.events.push_back(std::move(event));
    return out;
}

}  // namespace agentidp::macp
