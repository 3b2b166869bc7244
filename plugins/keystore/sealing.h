#pragma once
/// @file plugins/keystore/sealing.h
/// Everything under the key-encryption key (KEK): AES-256-GCM with a fresh random 96-bit nonce, under keys that HKDF-SHA-256 derives from
/// the KEK, one for key files and one for data keys. The KEK itself is not kept. Any thread.
#include <agentidp/plugin.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace agentidp::keystore {

/// What a sealed text is for; each has a key of its own.
enum class Purpose { KeyFile, DataKey };

class Sealing {
public:
    static constexpr std::size_t kKekSize = 32;

    /// `kek`: exactly 32 bytes.
    static aip::Outcome<Sealing> fromKek(std::string_view kek);

    /// Names the KEK and tells nothing about it: 11 characters.
    [[nodiscard]] const std::string& kekId() const { return kekId_; }

    /// nonce, ciphertext and tag. `aad` is bound.
    [[nodiscard]] aip::Outcome<std::string> seal(Purpose purpose, std::string_view plain, std::string_view aad) const;
    /// AIP_E_INVALID: other aad, other KEK, or changed bytes; nobody can tell which.
    [[nodiscard]] aip::Outcome<aip::Secret> open(Purpose purpose, std::string_view sealed, std::string_view aad) const;

private:
    /// A page that is kept out of swap and core dumps as far as the system allows, and wiped before it goes.
    struct Keys {
        unsigned char keyFile[32];
        unsigned char dataKey[32];
    };
    struct Unmap {
        void operator()(Keys* keys) const;
    };
    [[nodiscard]] const unsigned char* keyFor(Purpose purpose) const {
        return purpose == Purpose::KeyFile ? keys_->keyFile : keys_->dataKey;
    }

    std::unique_ptr<Keys, Unmap> keys_;
    std::string kekId_;
};

/// The KEK in what a secret reference or the kek file holds: 32 raw bytes, 64 hexadecimal digits or 43 (44) characters of base64, with or
/// without a line end. Empty for anything else: a passphrase is no key.
[[nodiscard]] aip::Secret kekFrom(std::string_view content);

}  // namespace agentidp::keystore
