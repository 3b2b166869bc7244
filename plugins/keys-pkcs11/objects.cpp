#include "objects.h"

#include <algorithm>

namespace agentidp::keys_pkcs11 {
namespace {

constexpr std::size_t kMostObjects = 10'000;
constexpr CK_ULONG kLargestAttribute = 8U << 10U;

CK_GCM_PARAMS paramsOf(unsigned char* nonce, std::string_view aad) {
    CK_GCM_PARAMS params{};
    params.pIv = nonce;
    params.ulIvLen = kGcmNonce;
    params.iv_bits = kGcmNonce * 8;
    params.pAAD = aad.empty() ? nullptr : writable(aad);
    params.ulAADLen = aad.size();
    params.ulTagBits = kGcmTag * 8;
    return params;
}

}  // namespace

CK_RV findObjects(At at, CK_OBJECT_CLASS kind, std::string_view id, std::vector<CK_OBJECT_HANDLE>& out) {
    Template wanted;
    wanted.number(CKA_CLASS, kind).flag(CKA_TOKEN, true);
    if (!id.empty()) wanted.bytes(CKA_ID, id);
    CK_RV rv = at.functions.C_FindObjectsInit(at.handle, wanted.data(), wanted.size());
    if (rv != CKR_OK) return rv;
    CK_OBJECT_HANDLE some[64];
    CK_ULONG count = 0;
    do {
        rv = at.functions.C_FindObjects(at.handle, some, std::size(some), &count);
        if (rv == CKR_OK) out.insert(out.end(), some, some + count);
    } while (rv == CKR_OK && count > 0 && out.size() < kMostObjects);
    const CK_RV ended = at.functions.C_FindObjectsFinal(at.handle);
    return rv != CKR_OK ? rv : ended;
}

CK_RV readAttribute(At at, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, std::string& out) {
    out.clear();
    CK_ATTRIBUTE attribute{type, nullptr, 0};
    CK_RV rv = at.functions.C_GetAttributeValue(at.handle, object, &attribute, 1);
    const bool absent = rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE;
    if (absent || (rv == CKR_OK && (attribute.ulValueLen == 0 || attribute.ulValueLen > kLargestAttribute))) return CKR_OK;
    if (rv != CKR_OK) return rv;
    out.resize(attribute.ulValueLen);
    attribute.pValue = out.data();
    rv = at.functions.C_GetAttributeValue(at.handle, object, &attribute, 1);
    out.resize(rv == CKR_OK ? std::min<std::size_t>(out.size(), attribute.ulValueLen) : 0);
    return rv;
}

CK_RV encrypt(At at, Gcm under, std::string_view plain, std::string& nonce, std::string& sealed) {
    auto params = paramsOf(writable(nonce), under.aad);
    CK_MECHANISM mechanism{CKM_AES_GCM, &params, sizeof params};
    if (const CK_RV rv = at.functions.C_EncryptInit(at.handle, &mechanism, under.key); rv != CKR_OK) return rv;
    sealed.resize(plain.size() + kGcmTag);
    CK_ULONG size = sealed.size();
    const CK_RV rv =
        at.functions.C_Encrypt(at.handle, writable(plain), plain.size(), reinterpret_cast<unsigned char*>(sealed.data()), &size);
    return rv == CKR_OK && size != sealed.size() ? CKR_GENERAL_ERROR : rv;
}

CK_RV decrypt(At at, Gcm under, std::string_view sealed, std::string_view nonce, unsigned char* plain, CK_ULONG& size) {
    auto params = paramsOf(writable(nonce), under.aad);
    CK_MECHANISM mechanism{CKM_AES_GCM, &params, sizeof params};
    if (const CK_RV rv = at.functions.C_DecryptInit(at.handle, &mechanism, under.key); rv != CKR_OK) return rv;
    size = sealed.size();
    return at.functions.C_Decrypt(at.handle, writable(sealed), sealed.size(), plain, &size);
}

}  // namespace agentidp::keys_pkcs11
