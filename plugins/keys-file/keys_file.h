#pragma once
/// @file plugins/keys-file/keys_file.h
/// Private keys in files of one directory, sealed under a key-encryption key; data keys wrapped under the same. Any thread; only generate,
/// import and retire wait for the disk, and they do not hold up signatures.
#include <agentidp/plugin.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "key_file.h"
#include "keystore/key_folder.h"
#include "keystore/sealing.h"
#include "keystore/signing_key.h"

namespace agentidp::keys_file {

using keystore::KeyFolder;
using keystore::Sealing;
using keystore::SigningKey;

class KeysFile final : public aip::KeysPlugin {
public:
    aip::Status configure(const aip::Config& config) override;
    /// Refuses, naming the file and the mend: another KEK than the files were sealed under, a damaged file, one that is open to others.
    aip::Status start(const aip::Call& call) override;
    aip::Status health(aip::Fields& details, const aip::Call& call) override;
    aip::KeysAbilities abilities() const override;
    aip::Outcome<aip::HeldKey> generate(std::string_view alg, const aip::Call& call) override;
    aip::Outcome<aip::HeldKey> import(std::string_view alg, std::string_view pkcs8, const aip::Call& call) override;
    aip::Outcome<std::vector<aip::HeldKey>> list(const aip::Call& call) override;
    aip::Outcome<aip::Signed> sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) override;
    /// The private part leaves memory and disk; a tombstone stays, so that the key cannot come back by import.
    aip::Status retire(std::string_view fingerprint, const aip::Call& call) override;
    aip::Outcome<std::string> wrap(std::string_view plain, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> unwrap(std::string_view wrapped, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> exportPrivate(std::string_view fingerprint, const aip::Call& call) override;

private:
    struct Entry {
        aip::HeldKey held;
        std::shared_ptr<const SigningKey> key;  ///< null once retired
    };
    using Entries = std::map<std::string, Entry, std::less<>>;

    [[nodiscard]] aip::Outcome<Sealing> sealingFor(const KeyFolder& folder) const;
    [[nodiscard]] aip::Outcome<Sealing> sealingFromKekFile(const KeyFolder& folder) const;
    [[nodiscard]] aip::Outcome<Entry> load(const std::string& name) const;
    [[nodiscard]] aip::Outcome<Entries> loadAll() const;
    aip::Status reloadIfShared();
    [[nodiscard]] std::shared_ptr<const SigningKey> lookUp(std::string_view fingerprint, bool& retired) const;
    aip::Outcome<std::shared_ptr<const SigningKey>> keyFor(std::string_view fingerprint);
    aip::Outcome<aip::HeldKey> keep(const std::shared_ptr<const SigningKey>& key);

    std::string dir_;
    std::string kekReference_;
    bool shared_ = false;
    unsigned rsaBits_ = 2048;
    std::unique_ptr<KeyFolder> folder_;
    std::unique_ptr<Sealing> sealing_;
    std::mutex writing_;  ///< one change of the directory at a time
    mutable std::shared_mutex mutex_;
    Entries entries_;
};

}  // namespace agentidp::keys_file
