#pragma once
/// @file plugins/keys-file/keys_file.h
/// Private keys in files of one directory, sealed under a key-encryption key; data keys wrapped under the same. Any thread; only generate,
/// import and retire wait for the disk, and they do not hold up signatures.
#include <agentidp/plugin.hpp>

#include <memory>
#include <string>

#include "keystore/key_folder.h"
#include "keystore/key_store.h"
#include "keystore/sealing.h"

namespace agentidp::keys_file {

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
    aip::Status retire(std::string_view fingerprint, const aip::Call& call) override;
    aip::Outcome<std::string> wrap(std::string_view plain, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> unwrap(std::string_view wrapped, std::string_view aad, const aip::Call& call) override;
    aip::Outcome<aip::Secret> exportPrivate(std::string_view fingerprint, const aip::Call& call) override;

private:
    [[nodiscard]] aip::Outcome<keystore::Sealing> sealingFor(const keystore::KeyFolder& folder) const;
    [[nodiscard]] aip::Outcome<keystore::Sealing> sealingFromKekFile(const keystore::KeyFolder& folder) const;

    std::string dir_;
    std::string kekReference_;
    bool shared_ = false;
    unsigned rsaBits_ = 2048;
    std::unique_ptr<keystore::KeyFolder> folder_;
    std::unique_ptr<keystore::Sealing> sealing_;
    std::unique_ptr<keystore::Sealer> sealer_;
    std::unique_ptr<keystore::KeyStore> store_;
};

}  // namespace agentidp::keys_file
