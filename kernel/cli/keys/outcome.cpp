#include "cli/keys/outcome.h"

namespace agentidp::cli {
namespace {

std::string inSeconds(base::seconds span) { return std::to_string(span.count()) + " s"; }

/// 2026-11-22T06:16:17.123456Z without its fraction.
std::string toTheSecond(const std::string& time) { return time.size() > 20 ? time.substr(0, 19) + "Z" : time; }

}  // namespace

std::string tellRotation(const base::json::Value& key, base::seconds jwksMaxAge) {
    const auto name = "key " + key.textOr("kid", "?") + " (" + key.textOr("alg", "?") + ")";
    if (key.textOr("state", "") == "published")
        return name + " is in the JWKS. It signs from " + toTheSecond(key.textOr("activatesAt", "?")) +
               ", when every cached JWKS has run out; until then the key before it signs. No token is refused.\n";
    return name +
           " signs now.\nWhat that costs: verifiers that cached the JWKS do not know it until they fetch it again, and may refuse its "
           "tokens "
           "for up to " +
           inSeconds(jwksMaxAge) + ".\n";
}

std::string tellRetirement(const std::string& kid, keys::Compromise compromise, base::seconds jwksMaxAge) {
    std::string out = "key " + kid + " has left the JWKS; introspection and the API refuse every token it signed from now on.\n";
    if (compromise == keys::Compromise::Yes)
        out += "What that costs: its clients need new tokens. Verifiers that cached the JWKS accept what it signed for up to " +
               inSeconds(jwksMaxAge) + " more, and where it was the key that signed, they may refuse its successor's tokens for as long.\n";
    return out;
}

}  // namespace agentidp::cli
