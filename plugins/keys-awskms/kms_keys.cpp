#include "kms_keys.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "keystore/base64url.h"
#include "remote/base64.h"

namespace agentidp::keys_awskms {
namespace {

using keystore::Algorithm;
using remote::Object;

constexpr int kMostPages = 100;
constexpr std::string_view kRetired = "retired/";

const char* signingName(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::ES256: return "ECDSA_SHA_256";
        case Algorithm::RS256: return "RSASSA_PKCS1_V1_5_SHA_256";
        case Algorithm::PS256: return "RSASSA_PSS_SHA_256";
        case Algorithm::EdDSA: break;  // KMS signs at most 4,096 bytes with Ed25519, and a token may be larger
    }
    return nullptr;
}

/// For a key that we know: KMS has it no more, or does not use it.
aip::Fail aboutKey(const aip::Fail& fail, const std::string& keyId) {
    if (fail.status == AIP_E_NOTFOUND) return aip::unavailable("the key is not in KMS any more", keyId + ": " + fail.detail);
    if (fail.status == AIP_E_CONFLICT) return aip::denied(fail.message, keyId + ": " + fail.detail);
    return fail;
}

}  // namespace

std::string KmsKeys::nameOf(const Alias& alias) const {
    return prefix() + (alias.retired ? std::string(kRetired) : "") + keystore::nameOf(alias.algorithm) + "/" +
           std::to_string(alias.createdAtUs) + "/" + alias.fingerprint;
}

std::optional<KmsKeys::Alias> KmsKeys::readName(std::string_view name) const {
    const auto front = prefix();
    if (name.substr(0, front.size()) != front) return std::nullopt;
    name.remove_prefix(front.size());
    Alias alias;
    alias.retired = name.substr(0, kRetired.size()) == kRetired;
    if (alias.retired) name.remove_prefix(kRetired.size());
    const auto first = name.find('/');
    const auto second = first == std::string_view::npos ? first : name.find('/', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const auto algorithm = keystore::algorithmOf(name.substr(0, first));
    const auto created = name.substr(first + 1, second - first - 1);
    const auto [end, error] = std::from_chars(created.data(), created.data() + created.size(), alias.createdAtUs);
    alias.fingerprint = name.substr(second + 1);
    if (!algorithm || signingName(*algorithm) == nullptr || error != std::errc() || end != created.data() + created.size() ||
        !keystore::looksLikeFingerprint(alias.fingerprint))
        return std::nullopt;
    alias.algorithm = *algorithm;
    return alias;
}

aip::Status KmsKeys::start(const aip::Call& call) { return scan(call); }

std::size_t KmsKeys::count() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [](const auto& each) { return !each.second.held.retired; }));
}

aip::Status KmsKeys::scan(const aip::Call& call) {
    std::vector<std::pair<Alias, std::string>> found;
    std::string marker;
    for (int page = 0; page < kMostPages; ++page) {
        Object asked;
        asked.integer("Limit", 100);
        if (!marker.empty()) asked.text("Marker", marker);
        const auto answer = kms_.ask("ListAliases", asked.done(), Kms::Again::Yes, call);
        if (!answer) return answer.fail();
        for (const auto& item : (*answer)["Aliases"].items()) {
            const auto alias = readName(item["AliasName"].text().value_or(std::string_view()));
            const auto target = item["TargetKeyId"].text();
            if (alias && target) found.emplace_back(*alias, std::string(*target));
        }
        marker = (*answer)["NextMarker"].text().value_or(std::string_view());
        if (!(*answer)["Truncated"].boolean().value_or(false) || marker.empty()) break;
    }
    // Retirements first: a retired key is known as one before anybody asks for its public half, which KMS may not give any more.
    std::stable_partition(found.begin(), found.end(), [](const auto& each) { return each.first.retired; });
    for (const auto& [alias, keyId] : found)
        if (auto adopted = adopt(alias, keyId, call); !adopted) return adopted;
    return {};
}

aip::Status KmsKeys::adopt(const Alias& alias, const std::string& keyId, const aip::Call& call) {
    {
        const std::lock_guard lock(mutex_);
        const auto known = entries_.find(alias.fingerprint);
        if (known != entries_.end()) {
            known->second.held.retired = known->second.held.retired || alias.retired;
            return {};
        }
    }
    Entry entry{{alias.fingerprint, keystore::nameOf(alias.algorithm), "{}", alias.createdAtUs, alias.retired}, alias.algorithm, keyId};
    if (!alias.retired) {
        const auto told = publicPartOf(keyId, alias.algorithm, call);
        // Disabled or about to be deleted: it does not sign, and the others must not suffer for it.
        const bool asleep = !told && (told.fail().status == AIP_E_CONFLICT || told.fail().status == AIP_E_NOTFOUND);
        if (!told && !asleep) return told.fail();
        if (!told || told->fingerprint != alias.fingerprint) {
            host_.warn("keys-awskms: " + nameOf(alias) +
                       (told ? " names another key than it says: left alone" : ": " + told.fail().detail));
            return {};
        }
        entry.held.jwk = told->jwk;
    }
    const std::lock_guard lock(mutex_);
    entries_.try_emplace(alias.fingerprint, std::move(entry));
    return {};
}

aip::Outcome<keystore::PublicPart> KmsKeys::publicPartOf(const std::string& keyId, Algorithm algorithm, const aip::Call& call) {
    const auto answer = kms_.ask("GetPublicKey", Object().text("KeyId", keyId).done(), Kms::Again::Yes, call);
    if (!answer) return answer.fail();
    const auto spki = remote::unbase64((*answer)["PublicKey"].text().value_or(std::string_view()));
    if (!spki) return aip::unavailable("AWS KMS answered GetPublicKey in a form that is not KMS's");
    return keystore::publicPart(algorithm, keystore::Encoding::SpkiDer, spki->view());
}

aip::Outcome<aip::HeldKey> KmsKeys::generate(std::string_view alg, const aip::Call& call) {
    const auto algorithm = keystore::algorithmOf(alg);
    if (!algorithm || signingName(*algorithm) == nullptr) return aip::unsupported("AWS KMS has no such algorithm");
    const auto spec = *algorithm == Algorithm::ES256 ? std::string("ECC_NIST_P256") : "RSA_" + std::to_string(settings_.rsaBits);
    Object asked;
    asked.text("KeySpec", spec).text("KeyUsage", "SIGN_VERIFY");
    asked.text("Description", "AgentIdP signing key, " + std::string(alg) + ", " + settings_.label);
    std::vector<Object> tags(1);
    tags.front().text("TagKey", "agentidp").text("TagValue", settings_.label);
    asked.list("Tags", std::move(tags));
    const auto answer = kms_.ask("CreateKey", asked.done(), Kms::Again::No, call);
    if (!answer) return answer.fail();
    const auto told = (*answer)["KeyMetadata"]["KeyId"].text();
    if (!told || told->empty()) return aip::unavailable("AWS KMS answered CreateKey in a form that is not KMS's");
    const std::string keyId(*told);

    Alias alias{*algorithm, host_.wallUs(), {}, false};
    auto part = publicPartOf(keyId, *algorithm, call);
    // A new key may not be known yet in all of KMS.
    while (!part && part.fail().status == AIP_E_NOTFOUND && call.check().ok() && call.left() > std::chrono::milliseconds(200)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        part = publicPartOf(keyId, *algorithm, call);
    }
    auto named = part ? aip::Status() : aip::Status(part.fail());
    if (part) {
        alias.fingerprint = part->fingerprint;
        named = giveAlias(nameOf(alias), keyId, call);
    }
    if (!named) {
        if (!scheduleDeletion(keyId, call))
            host_.warn("keys-awskms: KMS key " + keyId + " is left over, tagged agentidp and without an alias");
        return named.fail();
    }
    const Entry entry{{part->fingerprint, std::string(alg), part->jwk, alias.createdAtUs, false}, *algorithm, keyId};
    const std::lock_guard lock(mutex_);
    entries_[part->fingerprint] = entry;
    return entry.held;
}

aip::Outcome<KmsKeys::Entry> KmsKeys::entryFor(std::string_view fingerprint, const aip::Call& call) {
    const auto known = [&]() -> std::optional<Entry> {
        const std::lock_guard lock(mutex_);
        const auto at = entries_.find(fingerprint);
        return at == entries_.end() ? std::nullopt : std::optional(at->second);
    };
    auto entry = known();
    if (!entry && keystore::looksLikeFingerprint(fingerprint)) {
        // Another replica may have made it.
        if (auto scanned = scan(call); !scanned) return scanned.fail();
        entry = known();
    }
    if (!entry) return aip::notFound("no such key");
    if (entry->held.retired) return aip::denied("the key is retired");
    return std::move(*entry);
}

aip::Outcome<std::vector<aip::HeldKey>> KmsKeys::list(const aip::Call& call) {
    if (auto scanned = scan(call); !scanned) return scanned.fail();
    std::vector<aip::HeldKey> all;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [fingerprint, entry] : entries_)
            if (!entry.held.retired) all.push_back(entry.held);
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& left, const auto& right) { return left.createdAtUs < right.createdAtUs; });
    return all;
}

aip::Outcome<aip::Signed> KmsKeys::sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) {
    const auto entry = entryFor(fingerprint, call);
    if (!entry) return entry.fail();
    auto body = Object()
                    .text("KeyId", entry->keyId)
                    .base64("Message", keystore::sha256(data))
                    .text("MessageType", "DIGEST")
                    .text("SigningAlgorithm", signingName(entry->algorithm))
                    .done();
    const auto answer = kms_.ask("Sign", std::move(body), Kms::Again::Yes, call);
    if (!answer) return aboutKey(answer.fail(), entry->keyId);
    const auto signature = remote::unbase64((*answer)["Signature"].text().value_or(std::string_view()));
    if (!signature) return aip::unavailable("AWS KMS answered Sign in a form that is not KMS's");
    if (entry->algorithm != Algorithm::ES256) return aip::Signed{std::string(signature->view()), entry->held.fingerprint};
    auto raw = keystore::rawFromDer(signature->view());
    if (!raw) return aip::unavailable("AWS KMS made an ECDSA signature that is none");
    return aip::Signed{std::move(*raw), entry->held.fingerprint};
}

aip::Status KmsKeys::retire(std::string_view fingerprint, const aip::Call& call) {
    const auto entry = entryFor(fingerprint, call);
    if (!entry) return entry.fail().status == AIP_E_DENIED ? aip::Status() : entry.fail();
    // The mark first: whatever happens next, no start takes the key for one that signs.
    const Alias mark{entry->algorithm, entry->held.createdAtUs, entry->held.fingerprint, true};
    if (auto marked = giveAlias(nameOf(mark), entry->keyId, call); !marked) return marked;
    if (auto scheduled = scheduleDeletion(entry->keyId, call); !scheduled) return scheduled;
    const std::lock_guard lock(mutex_);
    entries_[entry->held.fingerprint].held.retired = true;
    return {};
}

aip::Status KmsKeys::giveAlias(const std::string& name, const std::string& keyId, const aip::Call& call) {
    const auto answer = kms_.ask("CreateAlias", Object().text("AliasName", name).text("TargetKeyId", keyId).done(), Kms::Again::Yes, call);
    if (!answer && answer.fail().status != AIP_E_EXISTS) return aboutKey(answer.fail(), keyId);
    return {};
}

aip::Status KmsKeys::scheduleDeletion(const std::string& keyId, const aip::Call& call) {
    const auto answer =
        kms_.ask("ScheduleKeyDeletion", Object().text("KeyId", keyId).integer("PendingWindowInDays", settings_.deletionDays).done(),
                 Kms::Again::Yes, call);
    // Gone, or scheduled already.
    if (answer || answer.fail().status == AIP_E_CONFLICT || answer.fail().status == AIP_E_NOTFOUND) return {};
    return answer.fail();
}

}  // namespace agentidp::keys_awskms
