#pragma once
/// @file plugins/keys-vault/keys_vault.h
/// Signing keys and wrapped data keys in HashiCorp Vault or OpenBao. What is known of each key is a secret of KV version 2 under `path`;
/// where its private part is depends on the settings when it was made: in that secret (engine = kv), there but encrypted by transit
/// (engine = transit, signing = local), or in transit for ever (signing = remote). Keys and data keys of one engine still work under
/// another.
///
/// Any thread. Only the first use of a key asks Vault, unless it signs remotely.
#include <agentidp/plugin.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "keystore/sealing.h"
#include "keystore/signing_key.h"
#include "record.h"
#include "transit.h"
#include "vault/kv.h"

namespace agentidp::keys_vault {

class KeysVault final : public aip::KeysPlugin {
public:
    aip::Status configure(const aip::Config& config) override;
    aip::Status start(const aip::Call& call) override;
    aip::Status health(aip::Fields& details, const aip::Call& call) override;
    aip::Status stop(const aip::Call& call) override;
    aip::KeysAbilities abilities() const override;
    aip::Outcome<aip::HeldKey> generate(std::string_view alg, const aip::Call& call) override;
    aip::Outcome<aip::HeldKey> import(std::string_view alg, std::string_view pkcs8, const aip::Call& call) override;
    aip::Outcome<std::vector<aip::HeldKey>> list(const aip::Call& call) override;
    aip::Outcome<aip::Signed> sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) override;
    /// The tombstone first, then every trace of the private part; what a crash left is finished by the next retire.
    aip::Status retire(std::string_view fingerprint, const aip::Call& call) override;
    aip::Outcome<std::string> wrap(std::string_view plain, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> unwrap(std::string_view wrapped, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> exportPrivate(std::string_view fingerprint, const aip::Call& call) override;

private:
    using Key = std::shared_ptr<const keystore::SigningKey>;
    struct Entry {
        aip::HeldKey held;
        Record::Form form = Record::Form::Plain;
        std::string transitKey;  ///< Form::Transit
        Key key;                 ///< once it was used here
    };
    enum class Signing { Local, Remote };
    enum class Engine { Kv, Transit };

    [[nodiscard]] std::string pathOf(std::string_view fingerprint) const { return path_ + "/signing/" + std::string(fingerprint); }
    aip::Outcome<Record> fetch(std::string_view fingerprint, const aip::Call& call);
    aip::Outcome<Key> open(const Record& record, const aip::Call& call);
    aip::Outcome<aip::HeldKey> keep(const Key& key, const aip::Call& call);
    aip::Outcome<aip::HeldKey> add(Record record, const Key& key, const aip::Call& call);
    /// With its key where it is to be had here. AIP_E_DENIED: retired.
    aip::Outcome<Entry> entryFor(std::string_view fingerprint, const aip::Call& call);
    void remember(const Entry& entry);
    aip::Outcome<std::shared_ptr<const keystore::Sealing>> sealing(const aip::Call& call);
    aip::Outcome<aip::Secret> fetchKek(const aip::Call& call);

    vault::Settings settings_;
    Engine engine_ = Engine::Kv;
    Signing signing_ = Signing::Local;
    std::string path_, transitMount_, transitKey_;
    unsigned rsaBits_ = 2048;
    std::unique_ptr<vault::Session> session_;
    std::unique_ptr<vault::Kv> kv_;
    std::unique_ptr<Transit> transit_;
    std::mutex sealingMutex_;
    std::shared_ptr<const keystore::Sealing> sealing_;  ///< under the KEK in KV; made when first wanted
    mutable std::shared_mutex mutex_;
    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace agentidp::keys_vault
