#pragma once
/// @file plugins/keys-pkcs11/token_keys.h
/// Signing keys that are made in the token and stay there (CKA_SENSITIVE, not CKA_EXTRACTABLE). Any thread.
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "keystore/public_key.h"
#include "objects.h"
#include "token.h"

namespace agentidp::keys_pkcs11 {

class TokenKeys {
public:
    struct Settings {
        std::string prefix;       ///< of our labels
        unsigned rsaBits = 2048;  ///< of generated RSA keys
    };
    /// `token` outlives it.
    TokenKeys(const aip::Host& host, Token& token, Settings settings) : host_(host), token_(token), settings_(std::move(settings)) {}

    /// Those of ES256, RS256, PS256, EdDSA whose keys the token makes and signs with.
    [[nodiscard]] std::vector<std::string> algorithms() const;
    /// Learns what is there, and ends what a crash left half retired.
    aip::Status start(const aip::Call& call);
    [[nodiscard]] std::size_t count() const;

    // As aip_keys_ops has them.
    aip::Outcome<aip::HeldKey> generate(std::string_view alg, const aip::Call& call);
    aip::Outcome<std::vector<aip::HeldKey>> list(const aip::Call& call);
    aip::Outcome<aip::Signed> sign(std::string_view fingerprint, std::string_view data, const aip::Call& call);
    /// The private half is destroyed; the public half stays, marked, so that it is known that it was ours.
    aip::Status retire(std::string_view fingerprint, const aip::Call& call);

private:
    struct Entry {
        aip::HeldKey held;
        keystore::Algorithm algorithm = keystore::Algorithm::ES256;
        std::string id;  ///< CKA_ID of both halves
        CK_OBJECT_HANDLE privateHalf = CK_INVALID_HANDLE;
        CK_OBJECT_HANDLE publicHalf = CK_INVALID_HANDLE;
        std::uint64_t epoch = 0;  ///< of the token, while which the handles hold
    };
    [[nodiscard]] bool offers(keystore::Algorithm algorithm) const;
    aip::Outcome<std::vector<Entry>> scan(const aip::Call& call);
    CK_RV scanOver(At at, std::vector<Entry>& out) const;
    CK_RV readEntry(At at, CK_OBJECT_HANDLE publicHalf, std::optional<Entry>& out) const;
    CK_RV findPrivate(At at, Entry& entry) const;
    CK_RV makePair(At at, Entry& entry) const;
    void nameByThumbprint(At at, Entry& entry) const;
    [[nodiscard]] std::optional<Entry> known(std::string_view fingerprint) const;
    aip::Outcome<Entry> entryFor(std::string_view fingerprint, const aip::Call& call);
    void remember(const Entry& entry);
    void destroyHalfRetired(const std::vector<Entry>& entries, const aip::Call& call);

    const aip::Host& host_;
    Token& token_;
    Settings settings_;
    mutable std::mutex mutex_;
    std::map<std::string, Entry, std::less<>> entries_;  ///< by fingerprint
};

}  // namespace agentidp::keys_pkcs11
