#pragma once
/// @file plugins/keys-awskms/kms_keys.h
/// Asymmetric keys that are made in KMS and never leave it. They are found again by their aliases, which only a caller with kms:CreateAlias
/// writes:
///
///     alias/agentidp/<label>/ES256/<created, us>/<fingerprint>            a signing key
///     alias/agentidp/<label>/retired/ES256/<created, us>/<fingerprint>    a second alias, from its retirement until KMS deletes it
///
/// Any thread.
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "keystore/public_key.h"
#include "kms.h"

namespace agentidp::keys_awskms {

class KmsKeys {
public:
    struct Settings {
        std::string label;
        unsigned rsaBits = 2048;         ///< 2048, 3072 or 4096
        std::int64_t deletionDays = 30;  ///< 7 to 30: between a retirement and KMS's deletion
    };
    /// `kms` outlives it.
    KmsKeys(const aip::Host& host, Kms& kms, Settings settings) : host_(host), kms_(kms), settings_(std::move(settings)) {}

    aip::Status start(const aip::Call& call);
    [[nodiscard]] std::size_t count() const;

    // As aip_keys_ops has them; retired keys are not listed.
    aip::Outcome<aip::HeldKey> generate(std::string_view alg, const aip::Call& call);
    aip::Outcome<std::vector<aip::HeldKey>> list(const aip::Call& call);
    aip::Outcome<aip::Signed> sign(std::string_view fingerprint, std::string_view data, const aip::Call& call);
    aip::Status retire(std::string_view fingerprint, const aip::Call& call);

private:
    struct Entry {
        aip::HeldKey held;
        keystore::Algorithm algorithm = keystore::Algorithm::ES256;
        std::string keyId;
    };
    struct Alias {
        keystore::Algorithm algorithm = keystore::Algorithm::ES256;
        std::int64_t createdAtUs = 0;
        std::string fingerprint;
        bool retired = false;
    };
    [[nodiscard]] std::string prefix() const { return "alias/agentidp/" + settings_.label + "/"; }
    [[nodiscard]] std::string nameOf(const Alias& alias) const;
    [[nodiscard]] std::optional<Alias> readName(std::string_view name) const;
    aip::Status scan(const aip::Call& call);
    aip::Status adopt(const Alias& alias, const std::string& keyId, const aip::Call& call);
    aip::Outcome<keystore::PublicPart> publicPartOf(const std::string& keyId, keystore::Algorithm algorithm, const aip::Call& call);
    aip::Outcome<Entry> entryFor(std::string_view fingerprint, const aip::Call& call);
    aip::Status giveAlias(const std::string& name, const std::string& keyId, const aip::Call& call);
    aip::Status scheduleDeletion(const std::string& keyId, const aip::Call& call);

    const aip::Host& host_;
    Kms& kms_;
    Settings settings_;
    mutable std::mutex mutex_;
    std::map<std::string, Entry, std::less<>> entries_;  ///< by fingerprint
};

}  // namespace agentidp::keys_awskms
