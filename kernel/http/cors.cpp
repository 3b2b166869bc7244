#include "http/cors.h"

#include <algorithm>

namespace agentidp::http {
namespace {

// What a page may send, beyond the names the Fetch standard always allows. `*` would leave Authorization out.
constexpr std::string_view kRequestFields = "Authorization, Content-Type, DPoP, Idempotency-Key, If-Match, If-None-Match, X-Request-Id";
constexpr std::string_view kExposedFields =
    "ETag, Location, Retry-After, WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id";
constexpr std::string_view kPreflightSeconds = "600";

// An ASCII serialisation of an origin (RFC 6454 section 6.2): scheme, host, optional port, nothing after it.
bool isOrigin(std::string_view text) {
    const auto scheme = text.starts_with("https://") ? 8U : text.starts_with("http://") ? 7U : 0U;
    const auto authority = text.substr(scheme);
    return scheme != 0 && !authority.empty() && std::all_of(authority.begin(), authority.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' ||
                      c == ']';
           });
}

}  // namespace

base::Result<CorsPolicy> CorsPolicy::parse(std::string_view setting) {
    CorsPolicy policy;
    const auto trimmed = base::trim(setting);
    if (trimmed.empty()) return policy;
    if (trimmed == "*") {
        policy.kind_ = Kind::Any;
        return policy;
    }
    policy.kind_ = Kind::Listed;
    for (const auto& part : base::split(trimmed, ',')) {
        const std::string origin(base::trim(part));
        if (!isOrigin(origin)) return base::fail(base::Errc::Invalid, "not an origin (scheme://host[:port], lower case): " + origin);
        policy.origins_.push_back(origin);
    }
    return policy;
}

CorsPolicy::Decision CorsPolicy::decide(const Request& request, std::string_view allow) const {
    Decision decision;
    if (kind_ == Kind::Off) return decision;
    // A cache that saw one origin's answer must not give it to another.
    if (kind_ == Kind::Listed) decision.headers.push_back({"Vary", "Origin"});
    const auto* origin = request.headers.find("Origin");
    if (origin == nullptr || request.headers.count("Origin") != 1 || !isOrigin(*origin)) return decision;
    if (request.headers.find("Cookie") != nullptr || !request.peer.clientCertificateDer.empty()) return decision;
    if (kind_ == Kind::Listed && std::find(origins_.begin(), origins_.end(), *origin) == origins_.end()) return decision;

    decision.headers.push_back({"Access-Control-Allow-Origin", kind_ == Kind::Any ? "*" : *origin});
    decision.preflight = request.method == Method::Options && request.headers.find("Access-Control-Request-Method") != nullptr;
    if (decision.preflight) {
        decision.headers.push_back({"Access-Control-Allow-Methods", std::string(allow)});
        decision.headers.push_back({"Access-Control-Allow-Headers", std::string(kRequestFields)});
        decision.headers.push_back({"Access-Control-Max-Age", std::string(kPreflightSeconds)});
    } else {
        decision.headers.push_back({"Access-Control-Expose-Headers", std::string(kExposedFields)});
    }
    return decision;
}

}  // namespace agentidp::http
