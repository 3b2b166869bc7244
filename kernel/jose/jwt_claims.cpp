#include "jose/jwt_claims.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace agentidp::jose {
namespace {

using base::Errc;
using base::fail;
using base::json::Value;

constexpr std::size_t kMaxAudiences = 64;
constexpr std::size_t kClaimsDepth = 16;
constexpr std::int64_t kLastSecond = 253402300799;  // 9999-12-31T23:59:59Z

base::Error badClaim(std::string_view name) { return fail(Errc::Invalid, "claim " + std::string(name) + " is malformed"); }

bool readText(const Value& claims, std::string_view name, std::string& out) {
    const auto* member = claims.find(name);
    if (member == nullptr) return true;
    const auto* text = member->asText();
    if (text == nullptr) return false;
    out = *text;
    return true;
}

bool readDate(const Value& claims, std::string_view name, std::optional<base::Instant>& out) {
    const auto* member = claims.find(name);
    if (member == nullptr) return true;
    std::int64_t whole = -1;
    if (const auto* integer = member->asInt()) whole = *integer;
    if (const auto* number = member->asDouble())
        if (*number >= 0 && *number <= static_cast<double>(kLastSecond)) whole = static_cast<std::int64_t>(std::floor(*number));
    if (whole < 0 || whole > kLastSecond) return false;
    out = base::Instant(base::seconds(whole));
    return true;
}

bool readAudience(const Value& claims, std::vector<std::string>& out) {
    const auto* member = claims.find("aud");
    if (member == nullptr) return true;
    if (const auto* text = member->asText()) {
        out.push_back(*text);
        return true;
    }
    const auto* items = member->asArray();
    if (items == nullptr || items->empty() || items->size() > kMaxAudiences) return false;
    for (const auto& item : *items) {
        const auto* text = item.asText();
        if (text == nullptr) return false;
        out.push_back(*text);
    }
    return true;
}

bool isType(std::string_view typ, std::string_view expected) {
    constexpr std::string_view kApplication = "application/";
    if (typ.size() > kApplication.size() && base::equalIgnoreCase(typ.substr(0, kApplication.size()), kApplication))
        typ.remove_prefix(kApplication.size());
    return base::equalIgnoreCase(typ, expected);
}

}  // namespace

base::Result<JwtClaims> parseClaims(std::string_view payloadJson) {
    auto json = base::json::parse(payloadJson, {kMaxToken, kClaimsDepth});
    if (!json || json->asObject() == nullptr) return fail(Errc::Invalid, "the claims are no JSON object");
    JwtClaims out;
    const std::pair<std::string_view, std::string*> texts[] = {
        {"iss", &out.iss},     {"sub", &out.sub}, {"client_id", &out.clientId},
        {"scope", &out.scope}, {"jti", &out.jti}, {"organization_id", &out.organizationId}};
    for (const auto& [name, into] : texts)
        if (!readText(*json, name, *into)) return badClaim(name);
    const std::pair<std::string_view, std::optional<base::Instant>*> dates[] = {{"iat", &out.iat}, {"nbf", &out.nbf}, {"exp", &out.exp}};
    for (const auto& [name, into] : dates)
        if (!readDate(*json, name, *into)) return badClaim(name);
    if (!readAudience(*json, out.aud)) return badClaim("aud");
    out.all = std::move(*json);
    return out;
}

base::Result<JwtClaims> parseClaims(const Jws& verified) {
    auto claims = parseClaims(base::textOf(verified.payload));
    if (claims) claims->typ = verified.header.typ;
    return claims;
}

base::Result<void> checkClaims(const JwtClaims& claims, const ClaimExpectations& expected) {
    const auto refused = [](std::string_view which) { return fail(Errc::Unauthenticated, "the token is not valid", std::string(which)); };
    if (!claims.exp || *claims.exp <= expected.now) return refused("exp");
    if (claims.nbf && *claims.nbf > expected.now + expected.leeway) return refused("nbf");
    if (claims.iat && *claims.iat > expected.now + expected.leeway) return refused("iat");
    if (!expected.issuer.empty() && claims.iss != expected.issuer) return refused("iss");
    if (!expected.audience.empty() && std::find(claims.aud.begin(), claims.aud.end(), expected.audience) == claims.aud.end())
        return refused("aud");
    if (!expected.typ.empty() && !isType(claims.typ, expected.typ)) return refused("typ");
    return {};
}

}  // namespace agentidp::jose
