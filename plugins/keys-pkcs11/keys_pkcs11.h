#pragma once
/// @file plugins/keys-pkcs11/keys_pkcs11.h
/// Keys of a PKCS#11 token. `signing = remote`: they are made and used in the token. `signing = local`: they are made here, kept as files
/// sealed under a key of the token, and exported, so that the token is touched only when a key is made, loaded or retired. Data keys are
/// wrapped in the token either way. Any thread.
#include <agentidp/plugin.hpp>

#include <memory>
#include <string>

#include "keystore/key_store.h"
#include "token.h"
#include "token_keys.h"
#include "wrapping.h"

namespace agentidp::keys_pkcs11 {

class KeysPkcs11 final : public aip::KeysPlugin {
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
    aip::Status startLocal(const aip::Call& call);

    Token::Settings token_;
    TokenKeys::Settings keys_;
    bool local_ = false;
    std::string dir_;
    bool shared_ = false;

    std::unique_ptr<Token> open_;
    std::unique_ptr<Wrapping> wrapping_;
    std::unique_ptr<TokenKeys> remote_;  ///< signing = remote
    std::unique_ptr<keystore::KeyFolder> folder_;
    std::unique_ptr<keystore::KeyStore> store_;  ///< signing = local
};

}  // namespace agentidp::keys_pkcs11
