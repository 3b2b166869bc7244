#pragma once
/// @file plugins/keys-pkcs11/wrapping.h
/// AES-256-GCM under keys that never leave the token: for data keys, and for signing keys that work in this process. The first start makes
/// the key; where two replicas make one each, both stay and both open what they sealed. Any thread.
#include <map>
#include <mutex>
#include <string>

#include "keystore/sealer.h"
#include "objects.h"
#include "token.h"

namespace agentidp::keys_pkcs11 {

class Wrapping final : public keystore::Sealer {
public:
    /// `token` outlives it. `prefix` is that of our labels.
    Wrapping(const aip::Host& host, Token& token, std::string prefix) : host_(host), token_(token), prefix_(std::move(prefix)) {}

    /// Finds the keys, or makes the first.
    aip::Status start(const aip::Call& call);

    [[nodiscard]] std::string id() const override;
    [[nodiscard]] bool knows(std::string_view id) const override;
    [[nodiscard]] std::string setting() const override { return "plugins.keys-pkcs11.token_label"; }
    aip::Outcome<std::string> seal(std::string_view plain, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> open(std::string_view sealed, std::string_view aad, const aip::Call& call) override;

private:
    struct Key {
        CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
        std::uint64_t epoch = 0;  ///< of the token, while which the handle holds
        std::int64_t createdAtUs = 0;
    };
    aip::Status find(const aip::Call& call);
    aip::Status make(const aip::Call& call);
    /// The handle of key `id` over this session, looked for again where it may have changed.
    CK_RV handleOf(At at, const std::string& id, CK_OBJECT_HANDLE& out);

    const aip::Host& host_;
    Token& token_;
    std::string prefix_;
    mutable std::mutex mutex_;
    std::map<std::string, Key> keys_;  ///< by CKA_ID
    std::string current_;              ///< CKA_ID of the newest
};

}  // namespace agentidp::keys_pkcs11
