#pragma once
/// @file plugins/keys-file/file_sealer.h
/// Key files under the KEK, which is in this process.
#include "keystore/sealer.h"
#include "keystore/sealing.h"

namespace agentidp::keys_file {

/// Any thread. The sealing outlives it.
class FileSealer final : public keystore::Sealer {
public:
    explicit FileSealer(const keystore::Sealing& sealing) : sealing_(sealing) {}
    [[nodiscard]] std::string id() const override { return sealing_.kekId(); }
    [[nodiscard]] std::string setting() const override { return "plugins.keys-file.kek"; }
    aip::Outcome<std::string> seal(std::string_view plain, std::string_view aad, const aip::Call&) override {
        return sealing_.seal(keystore::Purpose::KeyFile, plain, aad);
    }
    aip::Outcome<aip::Secret> open(std::string_view sealed, std::string_view aad, const aip::Call&) override {
        return sealing_.open(keystore::Purpose::KeyFile, sealed, aad);
    }

private:
    const keystore::Sealing& sealing_;
};

}  // namespace agentidp::keys_file
