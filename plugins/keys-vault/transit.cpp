#include "transit.h"

#include <openssl/sha.h>

#include "keystore/base64url.h"
#include "remote/base64.h"

namespace agentidp::keys_vault {
namespace {

using keystore::Algorithm;
using remote::Object;

std::string typeOf(Algorithm algorithm, unsigned rsaBits) {
    if (algorithm == Algorithm::ES256) return "ecdsa-p256";
    if (algorithm == Algorithm::EdDSA) return "ed25519";
    return "rsa-" + std::to_string(rsaBits);
}

/// What is behind "vault:vN:"; empty where there is no such prefix.
std::string_view payloadOf(std::string_view text) {
    if (!Transit::looksWrapped(text)) return {};
    const auto digits = text.find_first_not_of("0123456789", 7);
    // Version 0 is an old way to write version 1.
    if (digits == std::string_view::npos || digits == 7 || text[7] == '0' || text[digits] != ':') return {};
    return text.substr(digits + 1);
}

aip::Secret sha256(std::string_view data) {
    aip::Secret digest;
    digest.resize(SHA256_DIGEST_LENGTH);
    SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data());
    return digest;
}

}  // namespace

aip::Status Transit::prepare(const aip::Call& call) {
    const auto key = session_.read(at("keys", wrappingKey_), call);
    if (key.ok()) {
        const auto type = (*key)["data"]["type"].text().value_or("");
        if (type == "aes256-gcm96" || type == "aes128-gcm96" || type == "chacha20-poly1305") return {};
        return aip::invalid(session_.settings().setting("transit_key") + " names a key that binds no associated data", std::string(type));
    }
    if (key.fail().status != AIP_E_NOTFOUND) return key.fail();
    const auto made = session_.ask("POST", at("keys", wrappingKey_), Object().text("type", "aes256-gcm96").done(), call);
    return made.ok() ? aip::Status() : made.fail();
}

aip::Outcome<std::string> Transit::wrap(std::string_view plain, std::string_view aad, const aip::Call& call) {
    auto body = Object().base64("plaintext", plain).base64("associated_data", aad).done();
    const auto answer = session_.ask("POST", at("encrypt", wrappingKey_), std::move(body), call);
    if (!answer) return answer.fail();
    const auto text = (*answer)["data"]["ciphertext"].text();
    if (!text || payloadOf(*text).empty()) return aip::unavailable("Vault answered without a ciphertext");
    return std::string(*text);
}

aip::Outcome<aip::Secret> Transit::unwrap(std::string_view wrapped, std::string_view aad, const aip::Call& call) {
    // Vault passes base64 that was written otherwise; changed bytes are to be refused whichever they are.
    if (!remote::unbase64(payloadOf(wrapped)) || payloadOf(wrapped).empty()) return aip::invalid("not a data key that this plugin wrapped");
    auto body = Object().text("ciphertext", wrapped).base64("associated_data", aad).done();
    const auto answer = session_.ask("POST", at("decrypt", wrappingKey_), std::move(body), call);
    if (!answer) return answer.fail();
    const auto text = (*answer)["data"]["plaintext"].text();
    auto plain = text ? remote::unbase64(*text) : std::nullopt;
    if (!plain) return aip::unavailable("Vault answered without a plaintext");
    return std::move(*plain);
}

aip::Outcome<keystore::PublicPart> Transit::generate(const std::string& name, Algorithm algorithm, unsigned rsaBits,
                                                     const aip::Call& call) {
    const auto made = session_.ask("POST", at("keys", name), Object().text("type", typeOf(algorithm, rsaBits)).done(), call);
    if (!made) return made.fail();
    const auto key = session_.read(at("keys", name), call);
    if (!key) return key.fail();
    const auto text = (*key)["data"]["keys"]["1"]["public_key"].text();
    if (!text) return aip::unavailable("Vault answered without the public key");
    if (algorithm != Algorithm::EdDSA) return keystore::publicPart(algorithm, keystore::Encoding::SpkiPem, *text);
    const auto raw = remote::unbase64(*text);
    if (!raw) return aip::unavailable("Vault answered without the public key");
    return keystore::publicPart(algorithm, keystore::Encoding::RawEd25519, raw->view());
}

aip::Outcome<std::string> Transit::sign(const std::string& name, Algorithm algorithm, std::string_view data, const aip::Call& call) {
    Object body;
    // Ed25519 hashes twice over the data itself; for the others a digest is enough to send.
    if (algorithm == Algorithm::EdDSA)
        body.base64("input", data);
    else
        body.base64("input", sha256(data).view()).boolean("prehashed", true).text("hash_algorithm", "sha2-256");
    if (algorithm == Algorithm::ES256) body.text("marshaling_algorithm", "jws");
    if (algorithm == Algorithm::RS256) body.text("signature_algorithm", "pkcs1v15");
    if (algorithm == Algorithm::PS256) body.text("signature_algorithm", "pss").text("salt_length", "hash");
    const auto answer = session_.ask("POST", at("sign", name), body.done(), call);
    if (!answer) return answer.fail();
    const auto payload = payloadOf((*answer)["data"]["signature"].text().value_or(""));
    if (algorithm == Algorithm::ES256) {
        if (auto raw = keystore::unbase64url(payload); raw && raw->size() == 64) return std::move(*raw);
    } else if (const auto raw = remote::unbase64(payload); raw && !raw->empty()) {
        return std::string(raw->view());
    }
    return aip::unavailable("Vault answered without a signature");
}

aip::Status Transit::remove(const std::string& name, const aip::Call& call) {
    const auto allowed = session_.ask("POST", at("keys", name) + "/config", Object().boolean("deletion_allowed", true).done(), call);
    // Transit says 400 for a key it does not have.
    const auto absent = [](const aip::Fail& fail) {
        return fail.status == AIP_E_NOTFOUND ||
               (fail.status == AIP_E_INVALID && fail.detail.find("no existing key") != std::string::npos) ||
               (fail.status == AIP_E_INVALID && fail.detail.find("not found") != std::string::npos);
    };
    if (!allowed) return absent(allowed.fail()) ? aip::Status() : allowed.fail();
    const auto removed = session_.ask("DELETE", at("keys", name), {}, call);
    return removed.ok() || absent(removed.fail()) ? aip::Status() : removed.fail();
}

}  // namespace agentidp::keys_vault
