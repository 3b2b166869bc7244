#pragma once
/// @file plugins/secrets-vault/secrets_vault.h
/// Secrets as versions of a KV version 2 engine: the member `secret` of <mount>/data/<path>, as text where it is text, so that an operator
/// can read it with Vault's own tools; other bytes as base64 in `secret_base64`. Any thread; every operation is a request.
#include <agentidp/plugin.hpp>

#include <memory>

#include "vault/kv.h"

namespace agentidp::secrets_vault {

class SecretsVault final : public aip::SecretsPlugin {
public:
    aip::Status configure(const aip::Config& config) override;
    aip::Status start(const aip::Call& call) override;
    aip::Status health(aip::Fields& details, const aip::Call& call) override;
    aip::Status stop(const aip::Call& call) override;
    aip::Outcome<std::string> put(std::string_view path, std::string_view secret, const aip::Call& call) override;
    aip::Outcome<aip::Secret> get(std::string_view path, std::string_view version, const aip::Call& call) override;
    aip::Status remove(std::string_view path, const aip::Call& call) override;
    aip::Outcome<std::vector<std::string>> versions(std::string_view path, const aip::Call& call) override;

private:
    vault::Settings settings_;
    std::unique_ptr<vault::Session> session_;
    std::unique_ptr<vault::Kv> kv_;
};

}  // namespace agentidp::secrets_vault
