#include "keystore/key_file.h"

#include <charconv>

#include "keystore/base64url.h"

namespace agentidp::keystore {
namespace {

constexpr std::string_view kMagic = "agentidp-key 1\n";

/// Takes `name value\n` off the front of `rest`.
bool takeLine(std::string_view& rest, std::string_view name, std::string_view& value) {
    if (rest.substr(0, name.size()) != name || rest.size() <= name.size() || rest[name.size()] != ' ') return false;
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return false;
    value = rest.substr(name.size() + 1, end - name.size() - 1);
    rest.remove_prefix(end + 1);
    return !value.empty();
}

bool readMicros(std::string_view text, std::int64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

}  // namespace

std::optional<KeyFile> parseKeyFile(std::string_view text) {
    if (text.size() > kLargestKeyFile || text.substr(0, kMagic.size()) != kMagic) return std::nullopt;
    auto rest = text.substr(kMagic.size());
    std::string_view kek, fingerprint, alg, created, retired, jwk, sealed;
    if (!takeLine(rest, "kek", kek) || !takeLine(rest, "fingerprint", fingerprint) || !takeLine(rest, "alg", alg) ||
        !takeLine(rest, "created", created) || !takeLine(rest, "retired", retired) || !takeLine(rest, "jwk", jwk))
        return std::nullopt;
    KeyFile key;
    key.header = text.substr(0, text.size() - rest.size());
    if (!takeLine(rest, "sealed", sealed) || !rest.empty() || !looksLikeFingerprint(fingerprint)) return std::nullopt;
    auto bytes = unbase64url(sealed);
    if (!bytes || !readMicros(created, key.createdAtUs)) return std::nullopt;
    if (retired != "-" && !readMicros(retired, key.retiredAtUs.emplace())) return std::nullopt;
    key.kekId = kek;
    key.fingerprint = fingerprint;
    key.alg = alg;
    key.jwk = jwk;
    key.sealed = std::move(*bytes);
    return key;
}

aip::Outcome<std::string> writeKeyFile(const KeyFile& key, std::string_view pkcs8, Sealer& sealer, const aip::Call& call) {
    std::string text(kMagic);
    text += "kek " + sealer.id() + "\nfingerprint " + key.fingerprint + "\nalg " + key.alg + "\ncreated " +
            std::to_string(key.createdAtUs) + "\nretired " + (key.retiredAtUs ? std::to_string(*key.retiredAtUs) : "-") + "\njwk " +
            key.jwk + "\n";
    const auto sealed = sealer.seal(pkcs8, text, call);
    if (!sealed) return sealed.fail();
    return text + "sealed " + base64url(*sealed) + "\n";
}

}  // namespace agentidp::keystore
