#include "envelope.h"

#include "keystore/base64url.h"
#include "keystore/public_key.h"
#include "keystore/sealing.h"
#include "remote/base64.h"

namespace agentidp::keys_awskms {
namespace {

using keystore::Purpose;
using keystore::Sealing;
using remote::Json;
using remote::Object;

/// Sealed: this byte, the size of the blob (two bytes, big-endian), the blob, 8 bytes of its hash, then what Sealing makes.
constexpr char kVersion = 1;
constexpr std::size_t kHeader = 3;
constexpr std::size_t kCheck = 8;
constexpr std::size_t kLargestBlob = 6'144;

/// Goes into AWS CloudTrail, so it tells nothing.
Object context(std::string_view aad) {
    Object bound;
    bound.text("agentidp", keystore::base64url(keystore::sha256(aad)));
    return bound;
}

std::optional<aip::Secret> bytesIn(const Json& value) {
    const auto text = value.text();
    return text ? remote::unbase64(*text) : std::nullopt;
}

std::string checkOf(std::string_view blob) { return keystore::sha256(blob).substr(0, kCheck); }

}  // namespace

aip::Fail Envelope::explained(const aip::Fail& fail) const {
    if (fail.status == AIP_E_NOTFOUND)
        return aip::denied("plugins.keys-awskms.key_id names no key in this region", key_ + ": " + fail.detail);
    if (fail.status == AIP_E_CONFLICT) return aip::denied(fail.message, key_ + ": " + fail.detail);
    return fail;
}

aip::Status Envelope::start(const aip::Call& call) {
    auto key = generate("start", call);
    if (!key) return key.fail();
    arn_ = key->arn;
    return {};
}

aip::Outcome<Envelope::DataKey> Envelope::generate(std::string_view aad, const aip::Call& call) {
    auto body = Object().text("KeyId", key_).text("KeySpec", "AES_256").object("EncryptionContext", context(aad)).done();
    const auto answer = kms_.ask("GenerateDataKey", std::move(body), Kms::Again::Yes, call);
    if (!answer) return explained(answer.fail());
    auto plain = bytesIn((*answer)["Plaintext"]);
    const auto blob = bytesIn((*answer)["CiphertextBlob"]);
    const auto arn = (*answer)["KeyId"].text();
    if (!plain || plain->size() != Sealing::kKekSize || !blob || blob->empty() || blob->size() > kLargestBlob || !arn || arn->empty() ||
        arn->find_first_of(" \n") != std::string_view::npos)
        return aip::unavailable("AWS KMS answered GenerateDataKey in a form that is not KMS's");
    return DataKey{std::move(*plain), std::string(blob->view()), std::string(*arn)};
}

aip::Outcome<std::string> Envelope::seal(std::string_view plain, std::string_view aad, const aip::Call& call) {
    const auto key = generate(aad, call);
    if (!key) return key.fail();
    const auto sealing = Sealing::fromKek(key->plain.view());
    if (!sealing) return sealing.fail();
    std::string out(1, kVersion);
    out.push_back(static_cast<char>(key->blob.size() >> 8U));
    out.push_back(static_cast<char>(key->blob.size() & 255U));
    out += key->blob;
    out += checkOf(key->blob);
    const auto sealed = sealing->seal(Purpose::DataKey, plain, std::string(out) + std::string(aad));
    if (!sealed) return sealed.fail();
    return out + *sealed;
}

aip::Outcome<aip::Secret> Envelope::open(std::string_view sealed, std::string_view aad, const aip::Call& call) {
    const auto foreign = [] { return aip::invalid("not wrapped by this plugin, or changed since"); };
    if (sealed.size() < kHeader || sealed.front() != kVersion) return foreign();
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(sealed[1])) << 8U | static_cast<unsigned char>(sealed[2]);
    if (size == 0 || size > kLargestBlob || sealed.size() < kHeader + size + kCheck) return foreign();
    const std::string blob(sealed.substr(kHeader, size));
    // What a disk or a hand damaged is not worth a call, and KMS's word for it would depend on the byte.
    if (sealed.substr(kHeader + size, kCheck) != checkOf(blob)) return foreign();
    auto body = Object().text("KeyId", key_).base64("CiphertextBlob", blob).object("EncryptionContext", context(aad)).done();
    const auto answer = kms_.ask("Decrypt", std::move(body), Kms::Again::Yes, call);
    if (!answer) return explained(answer.fail());
    const auto key = bytesIn((*answer)["Plaintext"]);
    if (!key || key->size() != Sealing::kKekSize) return aip::unavailable("AWS KMS answered Decrypt in a form that is not KMS's");
    const auto sealing = Sealing::fromKek(key->view());
    if (!sealing) return sealing.fail();
    const auto header = sealed.substr(0, kHeader + size + kCheck);
    return sealing->open(Purpose::DataKey, sealed.substr(header.size()), std::string(header) + std::string(aad));
}

}  // namespace agentidp::keys_awskms
