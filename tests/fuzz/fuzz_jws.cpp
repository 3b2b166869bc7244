/// Any bytes as a compact JWS (RFC 7515): nothing verifies but what the key signed, and what parses is made of the text's own parts.
#include <string>

#include "base/text.h"
#include "byte_input.h"
#include "jose/jws.h"
#include "jose/jwt_claims.h"

namespace {

/// Made for this target; its private half was thrown away after one token, which is in the corpus.
constexpr std::string_view kJwk =
    R"({"kty": "EC", "crv": "P-256", "x": "TtPsVSDl7oTzApYvC5mAtI3Gt7tMeEQafR-D90Rs_c8", "y": "5uaZef13pUXeDAYqHaQb7sa8SP3ZN6LcVj1MWFRBvvQ", "kid": "fuzz", "alg": "ES256", "use": "sig"})";
constexpr std::string_view kSigned =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImZ1enoiLCJ0eXAiOiJhdCtqd3QifQ."
    "eyJpc3MiOiJodHRwczovL2EiLCJzdWIiOiJzIiwiY2xpZW50X2lkIjoicyIsImF1ZCI6Imh0dHBzOi8vYSIsInNjb3BlIjoiYWdlbnRzOnJlYWQiLCJpYXQiOjE3NjM4MDAwMD"
    "AsIm5iZiI6MTc2MzgwMDAwMCwiZXhwIjoxNzYzODAzNjAwLCJqdGkiOiJhYmMiLCJvcmdhbml6YXRpb25faWQiOiJvIn0";

const agentidp::jose::VerificationKey& key() {
    static const auto kKey = [] {
        auto imported = agentidp::jose::importPublic(*agentidp::base::json::parse(kJwk));
        agentidp::fuzz::require(imported.ok());
        return std::move(*imported);
    }();
    return kKey;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto token = fuzz::textOf(data, size);
    const auto parsed = jose::parseJws(token);
    const auto verified = jose::verifyJws(token, key());
    fuzz::require(!verified || (parsed.ok() && verified->signingInput == kSigned));
    if (!parsed) return 0;
    const auto payload = token.substr(token.find('.') + 1);
    fuzz::require(token.starts_with(parsed->signingInput) && base::base64url(parsed->payload) == payload.substr(0, payload.find('.')));
    (void)jose::parseClaims(*parsed);
    return 0;
}
