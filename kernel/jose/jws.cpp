#include "jose/jws.h"

#include "base/text.h"

namespace agentidp::jose {
namespace {

using base::Errc;
using base::fail;

constexpr std::size_t kHeaderDepth = 8;
constexpr std::size_t kLongestSignature = 1024;  // RSA of 8,192 bits

base::Error malformed(const char* why) { return fail(Errc::Invalid, "not a compact JWS", why); }

/// A text member that may be absent but never of another type.
bool optionalText(const base::json::Value& header, std::string_view name, std::string& out) {
    const auto* member = header.find(name);
    if (member == nullptr) return true;
    const auto* text = member->asText();
    if (text == nullptr) return false;
    out = *text;
    return true;
}

base::Result<JwsHeader> parseHeader(std::string_view segment) {
    if (segment.empty() || segment.size() > kMaxHeader / 3 * 4) return malformed("header length");
    const auto bytes = base::unbase64url(segment);
    if (!bytes) return malformed("header encoding");
    const auto json = base::json::parse(base::textOf(*bytes), {kMaxHeader, kHeaderDepth});
    if (!json || json->asObject() == nullptr) return malformed("header JSON");
    // RFC 7515 section 4.1.11: extensions a receiver does not understand must be refused, and none is understood here.
    if (json->find("crit") != nullptr || json->find("b64") != nullptr) return malformed("critical header");
    // A JWE header (RFC 7516) would have five segments as well; an `enc` here is a confusion.
    if (json->find("enc") != nullptr) return malformed("encrypted");
    JwsHeader header;
    if (!optionalText(*json, "alg", header.alg) || header.alg.empty()) return malformed("alg");
    if (!optionalText(*json, "kid", header.kid) || header.kid.size() > kMaxKidLength) return malformed("kid");
    if (!optionalText(*json, "typ", header.typ)) return malformed("typ");
    return header;
}

base::Error refused(const char* why) { return fail(Errc::Unauthenticated, "the token is not valid", why); }

base::Error refusedAs(base::Error error) {
    if (error.code == Errc::Invalid) error.code = Errc::Unauthenticated;
    return error;
}

base::Result<Jws> verified(base::Result<Jws> parsed, const VerificationKey& key) {
    if (parsed->header.alg != crypto::nameOf(key.alg)) return refused("alg is not the key's");
    if (!key.key.verify(key.alg, base::bytesOf(parsed->signingInput), parsed->signature)) return refused("signature");
    return parsed;
}

}  // namespace

base::Result<Jws> parseJws(std::string_view token) {
    if (token.size() > kMaxToken) return fail(Errc::TooLarge, "the token is too large");
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return malformed("segments");
    auto header = parseHeader(token.substr(0, first));
    if (!header) return std::move(header).error();
    auto payload = base::unbase64url(token.substr(first + 1, second - first - 1));
    if (!payload) return malformed("payload encoding");
    auto signature = base::unbase64url(token.substr(second + 1));
    if (!signature || signature->empty()) return malformed("signature encoding");
    return Jws{std::move(*header), std::move(*payload), std::move(*signature), token.substr(0, second)};
}

base::Result<Jws> verifyJws(std::string_view token, const KeyFinder& find) {
    auto parsed = parseJws(token);
    if (!parsed) return refusedAs(std::move(parsed).error());
    if (parsed->header.kid.empty()) return refused("no kid");
    const VerificationKey* key = find(model::KeyId(parsed->header.kid));
    if (key == nullptr) return refused("unknown kid");
    return verified(std::move(parsed), *key);
}

base::Result<Jws> verifyJws(std::string_view token, const VerificationKey& key) {
    return verifyJws(token, [&key](const model::KeyId& kid) { return kid == key.kid ? &key : nullptr; });
}

std::string headerSegment(crypto::Algorithm alg, const model::KeyId& kid, std::string_view typ) {
    std::string text;
    base::json::Writer writer(text);
    writer.beginObject().key("alg").text(crypto::nameOf(alg)).key("kid").text(kid.str());
    if (!typ.empty()) writer.key("typ").text(typ);
    writer.endObject();
    return base::base64url(base::bytesOf(text)) + ".";
}

std::string signingInput(std::string_view headerSegment, std::string_view payload) {
    std::string out;
    out.reserve(headerSegment.size() + (payload.size() * 4 + 2) / 3 + 1 + (kLongestSignature * 4 + 2) / 3);
    out.append(headerSegment);
    base::appendBase64url(out, base::bytesOf(payload));
    return out;
}

void appendSignature(std::string& signingInput, base::BytesView signature) {
    signingInput.push_back('.');
    base::appendBase64url(signingInput, signature);
}

}  // namespace agentidp::jose
