#pragma once
/// @file plugins/keys-awskms/keys_awskms.h
/// Keys of AWS KMS. `signing = local`: signing keys are made here, kept as files whose data keys only KMS opens, and exported, so that KMS
/// is asked only when a key is made, loaded or retired. `signing = remote`: they are made in KMS and every signature is a request. Data
/// keys are wrapped under a symmetric key of KMS either way. Any thread.
#include <agentidp/plugin.hpp>

#include <memory>
#include <string>

#include "credentials.h"
#include "envelope.h"
#include "keystore/key_store.h"
#include "kms.h"
#include "kms_keys.h"

namespace agentidp::keys_awskms {

class KeysAwskms final : public aip::KeysPlugin {
public:
    aip::Status configure(const aip::Config& config) override;
    aip::Status start(const aip::Call& call) override;
    aip::Status stop(const aip::Call& call) override;
    aip::Status health(aip::Fields& details, const aip::Call& call) override;
    aip::KeysAbilities abilities() const override;
    aip::Outcome<aip::HeldKey> generate(std::string_view alg, const aip::Call& call) override;
    aip::Outcome<aip::HeldKey> import(std::string_view alg, std::string_view pkcs8, const aip::Call& call) override;
    aip::Outcome<std::vector<aip::HeldKey>> list(const aip::Call& call) override;
    aip::Outcome<aip::Signed> sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) override;
    aip::Status retire(std::string_view fingerprint, const aip::Call& call) override;
    aip::Outcome<std::string> wrap(std::string_view plain, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> unwrap(std::string_view wrapped, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> exportPrivate(std::string_view fingerprint, const aip::Call& call) override;

private:
    [[nodiscard]] std::string regionHere() const;
    [[nodiscard]] std::string endpointHere(const std::string& setting, const char* service) const;
    aip::Status startLocal(const aip::Call& call);

    Credentials::Settings who_;
    Kms::Settings where_;
    KmsKeys::Settings keys_;
    std::string key_;
    bool local_ = false;
    std::string dir_;
    bool shared_ = false;

    std::unique_ptr<Credentials> credentials_;
    std::unique_ptr<Kms> kms_;
    std::unique_ptr<Envelope> envelope_;
    std::unique_ptr<KmsKeys> remote_;  ///< signing = remote
    std::unique_ptr<keystore::KeyFolder> folder_;
    std::unique_ptr<keystore::KeyStore> store_;  ///< signing = local
};

}  // namespace agentidp::keys_awskms
