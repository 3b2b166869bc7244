#include "macp/mint_request.h"

#include <algorithm>
#include <cmath>

#include "base/ecma_json.h"
#include "base/text.h"

namespace agentidp::macp {
namespace {

namespace json = base::json;

struct MediaType {
    bool json = false;
    bool foreignCharset = false;
};

MediaType mediaTypeOf(std::string_view field) {
    MediaType out;
    const auto parts = base::split(field, ';');
    out.json = base::equalIgnoreCase(base::trim(parts.front()), "application/json");
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const auto equals = parts[i].find('=');
        if (!base::equalIgnoreCase(base::trim(std::string_view(parts[i]).substr(0, equals)), "charset")) continue;
        auto charset = equals == std::string::npos ? std::string_view() : base::trim(std::string_view(parts[i]).substr(equals + 1));
        if (charset.size() > 1 && charset.front() == '"' && charset.back() == '"') charset = charset.substr(1, charset.size() - 2);
        if (!base::equalIgnoreCase(charset, "utf-8")) out.foreignCharset = true;
    }
    return out;
}

MintRefusal invalid(std::string_view error) { return refusal(400, error); }

}  // namespace

MintResult<MintRequest> parseMintRequest(const RawMintRequest& request, const TtlRules& rules) {
    json::Value body;
    const auto media = request.contentType ? mediaTypeOf(*request.contentType) : MediaType{};
    if (media.json && !request.body.empty()) {
        if (media.foreignCharset) return invalid("invalid JSON body");
        auto parsed = json::parseEcma(request.body, {kMaxBody, kMaxDepth});
        if (!parsed || (parsed->asObject() == nullptr && parsed->asArray() == nullptr)) return invalid("invalid JSON body");
        body = *std::move(parsed);
    }
    MintRequest out;

    const auto* sender = body.find("sender");
    const auto* name = sender != nullptr ? sender->asText() : nullptr;
    if (name == nullptr || json::isEcmaBlank(*name)) return invalid("sender is required");
    out.sender = *name;

    const auto* scopes = body.find("scopes");
    if (scopes != nullptr && scopes->asObject() == nullptr) return invalid("scopes must be an object");
    out.scopesJson = scopes != nullptr ? json::writeEcma(*scopes) : "{}";

    const auto* ttl = body.find("ttl_seconds");
    double wanted = rules.defaultSeconds;
    if (ttl != nullptr && !ttl->isNull()) {
        const auto* number = ttl->asDouble();
        if (number == nullptr || !std::isfinite(*number) || *number <= 0) return invalid("ttl_seconds must be a positive number");
        wanted = *number;
    }
    out.ttlSeconds = std::min(wanted, rules.maxSeconds);
    return out;
}

}  // namespace agentidp::macp
