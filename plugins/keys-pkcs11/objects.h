#pragma once
/// @file plugins/keys-pkcs11/objects.h
/// Objects of a token over one session. Every function answers what the first function of the module that failed answered.
#include <p11-kit/pkcs11.h>

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::keys_pkcs11 {

/// A list of attributes and the memory they point to.
class Template {
public:
    Template() = default;
    Template(const Template&) = delete;
    Template& operator=(const Template&) = delete;

    Template& flag(CK_ATTRIBUTE_TYPE type, bool value) { return add(type, std::string(1, static_cast<char>(value ? CK_TRUE : CK_FALSE))); }
    Template& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
        return add(type, std::string(reinterpret_cast<const char*>(&value), sizeof value));
    }
    Template& bytes(CK_ATTRIBUTE_TYPE type, std::string_view value) { return add(type, std::string(value)); }
    [[nodiscard]] CK_ATTRIBUTE* data() { return attributes_.data(); }
    [[nodiscard]] CK_ULONG size() const { return attributes_.size(); }

private:
    Template& add(CK_ATTRIBUTE_TYPE type, std::string value) {
        values_.push_back(std::move(value));
        attributes_.push_back({type, values_.back().data(), static_cast<CK_ULONG>(values_.back().size())});
        return *this;
    }
    std::deque<std::string> values_;
    std::vector<CK_ATTRIBUTE> attributes_;
};

/// A session as Token::run hands it out.
struct At {
    CK_FUNCTION_LIST& functions;
    CK_SESSION_HANDLE handle;
};

/// PKCS#11 takes its inputs without const, and does not write to them; never null, which modules take for a missing argument.
inline unsigned char* writable(std::string_view bytes) {
    static char nothing = 0;
    return reinterpret_cast<unsigned char*>(bytes.empty() ? &nothing : const_cast<char*>(bytes.data()));
}

/// Objects of `kind` in the token, the first 10,000; with a CKA_ID if `id` is not empty.
CK_RV findObjects(At at, CK_OBJECT_CLASS kind, std::string_view id, std::vector<CK_OBJECT_HANDLE>& out);
/// Empty where the object has no such attribute or does not show it; at most 8 KiB.
CK_RV readAttribute(At at, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, std::string& out);

/// Encrypts into ciphertext and tag; a token that makes its own nonce has put it into `nonce`. Decrypting, the other way round.
struct Gcm {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    std::string_view aad;
};
inline constexpr std::size_t kGcmNonce = 12;
inline constexpr std::size_t kGcmTag = 16;
CK_RV encrypt(At at, Gcm under, std::string_view plain, std::string& nonce, std::string& sealed);
/// `plain` has room for the size of `sealed`; `size` is what came.
CK_RV decrypt(At at, Gcm under, std::string_view sealed, std::string_view nonce, unsigned char* plain, CK_ULONG& size);

}  // namespace agentidp::keys_pkcs11
