#include "wrapping.h"

#include "keystore/base64url.h"
#include "label.h"

namespace agentidp::keys_pkcs11 {
namespace {

/// Sealed: this byte, the CKA_ID of the key, the nonce, ciphertext, tag. The first two are bound as associated data.
constexpr char kVersion = 1;
constexpr std::size_t kIdSize = 8;
constexpr std::size_t kHeader = 1 + kIdSize;

/// What the module answers where the tag does not fit; SoftHSM has no better word than a general error.
bool isForged(CK_RV rv) {
    return rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED ||
           rv == 0x42;  // CKR_AEAD_DECRYPT_FAILED of PKCS#11 3.0, which p11-kit's header does not have
}

}  // namespace

aip::Status Wrapping::start(const aip::Call& call) {
    if (!token_.offers(CKM_AES_GCM) || !token_.offers(CKM_AES_KEY_GEN))
        return aip::unsupported("the token has no AES-GCM, which wraps data keys", "CKM_AES_GCM and CKM_AES_KEY_GEN are wanted");
    if (auto found = find(call); !found) return found;
    if (!id().empty()) return {};
    if (auto made = make(call); !made) return made;
    return find(call);
}

aip::Status Wrapping::find(const aip::Call& call) {
    std::map<std::string, Key> keys;
    const auto epoch = token_.epoch();
    const auto done = token_.run(call, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
        const At at{functions, session};
        keys.clear();
        std::vector<CK_OBJECT_HANDLE> objects;
        CK_RV rv = findObjects(at, CKO_SECRET_KEY, {}, objects);
        for (std::size_t i = 0; rv == CKR_OK && i < objects.size(); ++i) {
            std::string text, id;
            rv = readAttribute(at, objects[i], CKA_LABEL, text);
            const auto label = readLabel(prefix_, text);
            if (rv != CKR_OK || !label || label->use != kWrapUse) continue;
            rv = readAttribute(at, objects[i], CKA_ID, id);
            if (rv == CKR_OK && id.size() == kIdSize) keys[id] = {objects[i], epoch, label->createdAtUs};
        }
        return rv;
    });
    if (!done) return done.fail();
    if (*done != CKR_OK) return failOf(*done, "looking for the wrapping key");
    const std::lock_guard lock(mutex_);
    for (auto& [id, key] : keys) keys_[id] = key;
    std::int64_t newest = -1;
    for (const auto& [id, key] : keys_)
        if (key.createdAtUs > newest) newest = key.createdAtUs, current_ = id;
    return {};
}

aip::Status Wrapping::make(const aip::Call& call) {
    std::string id(kIdSize, '\0');
    if (auto random = host_.random(id.data(), id.size()); !random) return random;
    const auto label = writeLabel(prefix_, {std::string(kWrapUse), host_.wallUs(), false});
    const auto done = token_.run(call, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
        Template wanted;
        wanted.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, CKK_AES).number(CKA_VALUE_LEN, 32).flag(CKA_TOKEN, true);
        wanted.flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false).flag(CKA_ENCRYPT, true);
        wanted.flag(CKA_DECRYPT, true).flag(CKA_WRAP, false).flag(CKA_UNWRAP, false).bytes(CKA_ID, id).bytes(CKA_LABEL, label);
        CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
        CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
        return functions.C_GenerateKey(session, &mechanism, wanted.data(), wanted.size(), &made);
    });
    if (!done) return done.fail();
    if (*done != CKR_OK) return failOf(*done, "C_GenerateKey");
    host_.info("keys-pkcs11: made the wrapping key \"" + label + "\" in the token: back the token up, nothing opens without it");
    return {};
}

std::string Wrapping::id() const {
    const std::lock_guard lock(mutex_);
    return keystore::base64url(current_);
}

bool Wrapping::knows(std::string_view id) const {
    const auto bytes = keystore::unbase64url(id);
    const std::lock_guard lock(mutex_);
    return bytes && keys_.count(*bytes) != 0;
}

CK_RV Wrapping::handleOf(At at, const std::string& id, CK_OBJECT_HANDLE& out) {
    const auto epoch = token_.epoch();
    {
        const std::lock_guard lock(mutex_);
        const auto known = keys_.find(id);
        if (known != keys_.end() && known->second.epoch == epoch) {
            out = known->second.handle;
            return CKR_OK;
        }
    }
    std::vector<CK_OBJECT_HANDLE> objects;
    if (const CK_RV rv = findObjects(at, CKO_SECRET_KEY, id, objects); rv != CKR_OK) return rv;
    for (const auto object : objects) {
        std::string text;
        if (const CK_RV rv = readAttribute(at, object, CKA_LABEL, text); rv != CKR_OK) return rv;
        const auto label = readLabel(prefix_, text);
        if (!label || label->use != kWrapUse) continue;
        const std::lock_guard lock(mutex_);
        keys_[id] = {object, epoch, label->createdAtUs};
        out = object;
        return CKR_OK;
    }
    return CKR_KEY_HANDLE_INVALID;
}

aip::Outcome<std::string> Wrapping::seal(std::string_view plain, std::string_view aad, const aip::Call& call) {
    std::string id;
    {
        const std::lock_guard lock(mutex_);
        id = current_;
    }
    const std::string header = std::string(1, kVersion) + id;
    const std::string bound = header + std::string(aad);
    std::string nonce(kGcmNonce, '\0'), sealed;
    if (auto random = host_.random(nonce.data(), nonce.size()); !random) return random.fail();
    const auto done = token_.run(call, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
        const At at{functions, session};
        CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
        const CK_RV rv = handleOf(at, id, key);
        return rv == CKR_OK ? encrypt(at, {key, bound}, plain, nonce, sealed) : rv;
    });
    if (!done) return done.fail();
    if (*done == CKR_KEY_HANDLE_INVALID) return aip::unavailable("the wrapping key is not in the token");
    if (*done != CKR_OK) return failOf(*done, "C_Encrypt");
    return header + nonce + sealed;
}

aip::Outcome<aip::Secret> Wrapping::open(std::string_view sealed, std::string_view aad, const aip::Call& call) {
    if (sealed.size() < kHeader + kGcmNonce + kGcmTag || sealed.front() != kVersion) return aip::invalid("not wrapped by this plugin");
    const std::string id(sealed.substr(1, kIdSize));
    const std::string bound = std::string(sealed.substr(0, kHeader)) + std::string(aad);
    const auto nonce = sealed.substr(kHeader, kGcmNonce), body = sealed.substr(kHeader + kGcmNonce);
    aip::Secret plain;
    plain.resize(body.size());
    CK_ULONG size = 0;
    bool held = false;
    const auto done = token_.run(call, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
        const At at{functions, session};
        CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
        const CK_RV rv = handleOf(at, id, key);
        held = rv == CKR_OK;
        return held ? decrypt(at, {key, bound}, body, nonce, plain.data(), size) : rv;
    });
    if (!done) return done.fail();
    if (*done == CKR_KEY_HANDLE_INVALID && !held)
        return aip::invalid("wrapped under a key that is not in the token",
                            "wrapping key " + keystore::base64url(id) + ": see plugins.keys-pkcs11.token_label and .label");
    if (held && isForged(*done)) return aip::invalid("not wrapped under this key for this place");
    if (*done != CKR_OK) return failOf(*done, "C_Decrypt");
    if (size != body.size() - kGcmTag) return aip::internal("the token decrypted to another length");
    plain.resize(size);
    return plain;
}

}  // namespace agentidp::keys_pkcs11
