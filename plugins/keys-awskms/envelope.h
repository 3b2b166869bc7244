#pragma once
/// @file plugins/keys-awskms/envelope.h
/// Envelope encryption: a fresh data key of KMS (GenerateDataKey) encrypts here, and only KMS gives it back (Decrypt). For data keys of the
/// kernel and for signing keys that work in this process. What it is for is bound twice, in our AES-GCM and in KMS's encryption context.
/// Any thread.
#include "keystore/sealer.h"
#include "kms.h"

namespace agentidp::keys_awskms {

class Envelope final : public keystore::Sealer {
public:
    /// `kms` outlives it. `key`: id, ARN or alias of a symmetric key.
    Envelope(Kms& kms, std::string key) : kms_(kms), key_(std::move(key)) {}

    /// Asks KMS for the key by making a data key, and for its full name.
    aip::Status start(const aip::Call& call);

    [[nodiscard]] std::string id() const override { return arn_; }
    [[nodiscard]] std::string setting() const override { return "plugins.keys-awskms.key_id"; }
    aip::Outcome<std::string> seal(std::string_view plain, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> open(std::string_view sealed, std::string_view aad, const aip::Call& call) override;

private:
    struct DataKey {
        aip::Secret plain;
        std::string blob;  ///< as only KMS can open it
        std::string arn;
    };
    aip::Outcome<DataKey> generate(std::string_view aad, const aip::Call& call);
    [[nodiscard]] aip::Fail explained(const aip::Fail& fail) const;

    Kms& kms_;
    std::string key_;
    std::string arn_;
};

}  // namespace agentidp::keys_awskms
