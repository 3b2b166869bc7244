#include "token_keys.h"

#include <algorithm>

#include "keystore/base64url.h"
#include "label.h"

namespace agentidp::keys_pkcs11 {
namespace {

using keystore::Algorithm;

constexpr std::string_view kP256("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10);
// PKCS#11 3.0 names the curve by a PrintableString; tokens of before by its OID (RFC 8410).
constexpr std::string_view kEdwardsName(
    "\x13\x0c"
    "edwards25519",
    14);
constexpr std::string_view kEdwardsOid("\x06\x03\x2b\x65\x70", 5);
constexpr std::string_view kExponent("\x01\x00\x01", 3);
constexpr std::size_t kLargestSignature = 1024;

/// What each algorithm takes of a token.
struct Means {
    Algorithm algorithm;
    CK_MECHANISM_TYPE sign;
    CK_MECHANISM_TYPE make;
    CK_KEY_TYPE type;
};
constexpr Means kMeans[] = {{Algorithm::ES256, CKM_ECDSA, CKM_EC_KEY_PAIR_GEN, CKK_EC},
                            {Algorithm::RS256, CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA},
                            {Algorithm::PS256, CKM_SHA256_RSA_PKCS_PSS, CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA},
                            {Algorithm::EdDSA, CKM_EDDSA, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS}};

const Means& meansOf(Algorithm algorithm) {
    return *std::find_if(std::begin(kMeans), std::end(kMeans), [algorithm](const Means& each) { return each.algorithm == algorithm; });
}

/// CKA_EC_POINT: a DER OCTET STRING around the point, or, from some tokens, the point itself.
aip::Outcome<keystore::PublicPart> ecPublicPart(Algorithm algorithm, std::string_view attribute) {
    const bool p256 = algorithm == Algorithm::ES256;
    const std::size_t size = p256 ? 65 : 32;
    if (attribute.size() == size + 2 && attribute[0] == 4 && static_cast<unsigned char>(attribute[1]) == size) attribute.remove_prefix(2);
    return keystore::publicPart(algorithm, p256 ? keystore::Encoding::P256Point : keystore::Encoding::RawEd25519, attribute);
}

}  // namespace

bool TokenKeys::offers(Algorithm algorithm) const {
    return token_.offers(meansOf(algorithm).sign) && token_.offers(meansOf(algorithm).make);
}

std::vector<std::string> TokenKeys::algorithms() const {
    std::vector<std::string> offered;
    for (const auto& means : kMeans)
        if (offers(means.algorithm)) offered.emplace_back(nameOf(means.algorithm));
    return offered;
}

aip::Status TokenKeys::start(const aip::Call& call) {
    const auto entries = scan(call);
    if (!entries) return entries.fail();
    destroyHalfRetired(*entries, call);
    return {};
}

std::size_t TokenKeys::count() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [](const auto& each) { return !each.second.held.retired; }));
}

aip::Outcome<std::vector<TokenKeys::Entry>> TokenKeys::scan(const aip::Call& call) {
    std::vector<Entry> entries;
    const auto done = token_.run(call, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
        entries.clear();
        return scanOver({functions, session}, entries);
    });
    if (!done) return done.fail();
    if (*done != CKR_OK) return failOf(*done, "looking for signing keys");
    for (const auto& entry : entries) remember(entry);
    return entries;
}

CK_RV TokenKeys::scanOver(At at, std::vector<Entry>& out) const {
    std::vector<CK_OBJECT_HANDLE> objects;
    if (const CK_RV rv = findObjects(at, CKO_PUBLIC_KEY, {}, objects); rv != CKR_OK) return rv;
    for (const auto object : objects) {
        std::optional<Entry> entry;
        CK_RV rv = readEntry(at, object, entry);
        // Between the list and this look another replica may have taken it away.
        if (rv == CKR_OBJECT_HANDLE_INVALID || (rv == CKR_OK && !entry)) continue;
        if (rv == CKR_OK) rv = findPrivate(at, *entry);
        if (rv != CKR_OK) return rv;
        // A public half alone is one that is just being made, or whose private half was destroyed by other hands: it signs nothing.
        if (entry->held.retired || entry->privateHalf != CK_INVALID_HANDLE) out.push_back(std::move(*entry));
    }
    return CKR_OK;
}

CK_RV TokenKeys::readEntry(At at, CK_OBJECT_HANDLE publicHalf, std::optional<Entry>& out) const {
    std::string text, id, one, two;
    CK_RV rv = readAttribute(at, publicHalf, CKA_LABEL, text);
    if (rv != CKR_OK) return rv;
    const auto label = readLabel(settings_.prefix, text);
    const auto algorithm = label ? keystore::algorithmOf(label->use) : std::nullopt;
    if (!algorithm) return CKR_OK;
    if ((rv = readAttribute(at, publicHalf, CKA_ID, id)) != CKR_OK) return rv;
    const bool rsa = meansOf(*algorithm).type == CKK_RSA;
    if ((rv = readAttribute(at, publicHalf, rsa ? CKA_MODULUS : CKA_EC_POINT, one)) != CKR_OK) return rv;
    if (rsa && (rv = readAttribute(at, publicHalf, CKA_PUBLIC_EXPONENT, two)) != CKR_OK) return rv;
    const auto told = rsa ? keystore::publicPart(*algorithm, one, two) : ecPublicPart(*algorithm, one);
    if (!told || id.empty()) {
        host_.warn("keys-pkcs11: the object \"" + text + "\" of the token is called like a key of ours and is none: left alone");
        return CKR_OK;
    }
    out = Entry{{told->fingerprint, nameOf(*algorithm), told->jwk, label->createdAtUs, label->retired},
                *algorithm,
                std::move(id),
                CK_INVALID_HANDLE,
                publicHalf,
                token_.epoch()};
    return CKR_OK;
}

CK_RV TokenKeys::findPrivate(At at, Entry& entry) const {
    // By the thumbprint, too: a crash may have left the two halves with different CKA_IDs, see nameByThumbprint.
    for (const auto& id : {entry.id, *keystore::unbase64url(entry.held.fingerprint)}) {
        std::vector<CK_OBJECT_HANDLE> objects;
        if (const CK_RV rv = findObjects(at, CKO_PRIVATE_KEY, id, objects); rv != CKR_OK) return rv;
        for (const auto object : objects) {
            std::string text;
            if (const CK_RV rv = readAttribute(at, object, CKA_LABEL, text); rv != CKR_OK) return rv;
            const auto label = readLabel(settings_.prefix, text);
            if (!label || label->use != entry.held.alg) continue;
            entry.privateHalf = object;
            return CKR_OK;
        }
    }
    return CKR_OK;
}

aip::Outcome<aip::HeldKey> TokenKeys::generate(std::string_view alg, const aip::Call& call) {
    const auto algorithm = keystore::algorithmOf(alg);
    if (!algorithm || !offers(*algorithm)) return aip::unsupported("the token has no such algorithm");
    Entry entry;
    entry.algorithm = *algorithm;
    entry.held.alg = alg;
    entry.held.createdAtUs = host_.wallUs();
    entry.id.assign(16, '\0');
    if (auto random = host_.random(entry.id.data(), entry.id.size()); !random) return random.fail();
    std::optional<Entry> made;
    const auto done = token_.run(call, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
        const At at{functions, session};
        made.reset();
        CK_RV rv = makePair(at, entry);
        if (rv == CKR_OK) rv = readEntry(at, entry.publicHalf, made);
        if (rv == CKR_OK && made) {
            made->privateHalf = entry.privateHalf;
            nameByThumbprint(at, *made);
        }
        return rv;
    });
    if (!done) return done.fail();
    if (*done != CKR_OK) return failOf(*done, "C_GenerateKeyPair");
    if (!made) return aip::internal("the token made a key whose public half is none");
    remember(*made);
    return made->held;
}

CK_RV TokenKeys::makePair(At at, Entry& entry) const {
    const auto& means = meansOf(entry.algorithm);
    const auto label = writeLabel(settings_.prefix, {entry.held.alg, entry.held.createdAtUs, false});
    const auto make = [&](std::string_view curve) {
        Template open, closed;
        open.number(CKA_CLASS, CKO_PUBLIC_KEY).number(CKA_KEY_TYPE, means.type).flag(CKA_TOKEN, true).flag(CKA_PRIVATE, false);
        open.flag(CKA_VERIFY, true).bytes(CKA_ID, entry.id).bytes(CKA_LABEL, label);
        if (means.type == CKK_RSA)
            open.number(CKA_MODULUS_BITS, settings_.rsaBits).bytes(CKA_PUBLIC_EXPONENT, kExponent);
        else
            open.bytes(CKA_EC_PARAMS, curve);
        closed.number(CKA_CLASS, CKO_PRIVATE_KEY).number(CKA_KEY_TYPE, means.type).flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true);
        closed.flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false).flag(CKA_SIGN, true);
        closed.bytes(CKA_ID, entry.id).bytes(CKA_LABEL, label);
        CK_MECHANISM mechanism{means.make, nullptr, 0};
        return at.functions.C_GenerateKeyPair(at.handle, &mechanism, open.data(), open.size(), closed.data(), closed.size(),
                                              &entry.publicHalf, &entry.privateHalf);
    };
    if (entry.algorithm != Algorithm::EdDSA) return make(kP256);
    const CK_RV rv = make(kEdwardsName);
    return rv == CKR_OK || isLoss(rv) ? rv : make(kEdwardsOid);
}

/// So that an operator finds a kid of the JWKS in the token. The private half first: then a crash between the two leaves a pair that
/// findPrivate puts together. A token that lets nobody change a CKA_ID keeps the random one.
void TokenKeys::nameByThumbprint(At at, Entry& entry) const {
    const auto thumbprint = *keystore::unbase64url(entry.held.fingerprint);
    Template id;
    id.bytes(CKA_ID, thumbprint);
    if (at.functions.C_SetAttributeValue(at.handle, entry.privateHalf, id.data(), id.size()) != CKR_OK) return;
    if (at.functions.C_SetAttributeValue(at.handle, entry.publicHalf, id.data(), id.size()) == CKR_OK) entry.id = thumbprint;
}

void TokenKeys::remember(const Entry& entry) {
    const std::lock_guard lock(mutex_);
    auto& place = entries_[entry.held.fingerprint];
    const bool retired = place.held.retired;
    place = entry;
    // A key retired here stays retired, whatever a restored token says.
    place.held.retired = retired || entry.held.retired;
}

std::optional<TokenKeys::Entry> TokenKeys::known(std::string_view fingerprint) const {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(fingerprint);
    return at == entries_.end() ? std::nullopt : std::optional(at->second);
}

aip::Outcome<TokenKeys::Entry> TokenKeys::entryFor(std::string_view fingerprint, const aip::Call& call) {
    auto entry = known(fingerprint);
    if (!entry && keystore::looksLikeFingerprint(fingerprint)) {
        // Another replica may have made it.
        if (const auto all = scan(call); !all) return all.fail();
        entry = known(fingerprint);
    }
    if (!entry) return aip::notFound("no such key");
    if (entry->held.retired) return aip::denied("the key is retired");
    return *entry;
}

aip::Outcome<std::vector<aip::HeldKey>> TokenKeys::list(const aip::Call& call) {
    const auto entries = scan(call);
    if (!entries) return entries.fail();
    std::vector<aip::HeldKey> all;
    for (const auto& entry : *entries) {
        all.push_back(entry.held);
        if (const auto held = known(entry.held.fingerprint)) all.back().retired = held->held.retired;
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& left, const auto& right) { return left.createdAtUs < right.createdAtUs; });
    return all;
}

aip::Outcome<aip::Signed> TokenKeys::sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) {
    auto entry = entryFor(fingerprint, call);
    if (!entry) return entry.fail();
    const bool digested = entry->algorithm == Algorithm::ES256;
    const std::string digest = digested ? keystore::sha256(data) : std::string();
    const std::string_view input = digested ? std::string_view(digest) : data;
    std::string signature;
    const auto signOver = [&](At at) {
        CK_RSA_PKCS_PSS_PARAMS pss{CKM_SHA256, CKG_MGF1_SHA256, 32};
        CK_MECHANISM mechanism{meansOf(entry->algorithm).sign, nullptr, 0};
        if (entry->algorithm == Algorithm::PS256) mechanism.pParameter = &pss, mechanism.ulParameterLen = sizeof pss;
        CK_RV rv = at.functions.C_SignInit(at.handle, &mechanism, entry->privateHalf);
        if (rv != CKR_OK) return rv;
        signature.resize(kLargestSignature);
        CK_ULONG size = signature.size();
        rv = at.functions.C_Sign(at.handle, writable(input), input.size(), reinterpret_cast<unsigned char*>(signature.data()), &size);
        signature.resize(rv == CKR_OK ? size : 0);
        return rv;
    };
    const auto done = token_.run(call, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
        const At at{functions, session};
        CK_RV rv = entry->epoch == token_.epoch() ? signOver(at) : CKR_KEY_HANDLE_INVALID;
        if (rv != CKR_KEY_HANDLE_INVALID && rv != CKR_OBJECT_HANDLE_INVALID) return rv;
        entry->privateHalf = CK_INVALID_HANDLE;
        entry->epoch = token_.epoch();
        if ((rv = findPrivate(at, *entry)) != CKR_OK) return rv;
        if (entry->privateHalf == CK_INVALID_HANDLE) return static_cast<CK_RV>(CKR_KEY_HANDLE_INVALID);
        remember(*entry);
        return signOver(at);
    });
    if (!done) return done.fail();
    if (*done == CKR_KEY_HANDLE_INVALID || *done == CKR_OBJECT_HANDLE_INVALID)
        return aip::unavailable("the key is not in the token any more", entry->held.fingerprint + " was there before");
    if (*done != CKR_OK) return failOf(*done, "C_Sign");
    if (digested && signature.size() != 64) return aip::internal("the token made an ECDSA signature of another length than r and s");
    return aip::Signed{std::move(signature), entry->held.fingerprint};
}

aip::Status TokenKeys::retire(std::string_view fingerprint, const aip::Call& call) {
    auto entry = entryFor(fingerprint, call);
    if (!entry) return entry.fail().status == AIP_E_DENIED ? aip::Status() : entry.fail();
    const auto label = writeLabel(settings_.prefix, {entry->held.alg, entry->held.createdAtUs, true});
    bool marked = false;
    const auto done = token_.run(call, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
        const At at{functions, session};
        std::vector<Entry> all;
        CK_RV rv = scanOver(at, all);
        if (rv != CKR_OK) return rv;
        for (const auto& found : all) {
            if (found.held.fingerprint != fingerprint) continue;
            Template mark;
            mark.bytes(CKA_LABEL, label);
            // The mark first: a crash between the two leaves a key that is known to be retired, and the next start destroys it.
            rv = functions.C_SetAttributeValue(session, found.publicHalf, mark.data(), mark.size());
            if (isLoss(rv)) return rv;
            marked = rv == CKR_OK;
            if (found.privateHalf == CK_INVALID_HANDLE) return static_cast<CK_RV>(CKR_OK);
            return functions.C_DestroyObject(session, found.privateHalf);
        }
        return static_cast<CK_RV>(CKR_KEY_HANDLE_INVALID);
    });
    if (!done) return done.fail();
    if (*done == CKR_KEY_HANDLE_INVALID) return aip::unavailable("the key is not in the token any more");
    if (*done != CKR_OK) return failOf(*done, "C_DestroyObject");
    if (!marked) host_.warn("keys-pkcs11: the token lets nobody mark a retired key; its private half is destroyed all the same");
    entry->held.retired = true;
    remember(*entry);
    return {};
}

void TokenKeys::destroyHalfRetired(const std::vector<Entry>& entries, const aip::Call& call) {
    for (const auto& entry : entries) {
        if (!entry.held.retired || entry.privateHalf == CK_INVALID_HANDLE) continue;
        const auto done = token_.run(call, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
            return entry.epoch == token_.epoch() ? functions.C_DestroyObject(session, entry.privateHalf)
                                                 : static_cast<CK_RV>(CKR_SESSION_HANDLE_INVALID);
        });
        if (!done || *done != CKR_OK)
            host_.error("keys-pkcs11: the private half of retired key " + entry.held.fingerprint +
                        " could not be destroyed; it signs nothing here");
    }
}

}  // namespace agentidp::keys_pkcs11
