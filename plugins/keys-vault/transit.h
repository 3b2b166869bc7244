#pragma once
/// @file plugins/keys-vault/transit.h
/// The transit engine: keys that never leave Vault, which sign and encrypt there.
#include <agentidp/plugin.hpp>

#include <string>

#include "keystore/signing_key.h"
#include "vault/session.h"

namespace agentidp::keys_vault {

/// Any thread, as the session it uses and does not own.
class Transit {
public:
    Transit(vault::Session& session, std::string mount, std::string wrappingKey)
        : session_(session), mount_(std::move(mount)), wrappingKey_(std::move(wrappingKey)) {}

    /// The key that wraps is there, made if it was not: aes256-gcm96, not exportable.
    aip::Status prepare(const aip::Call& call);
    /// "vault:v1:...". `aad` is bound.
    aip::Outcome<std::string> wrap(std::string_view plain, std::string_view aad, const aip::Call& call);
    /// AIP_E_INVALID: not what wrap made, or for another `aad`.
    aip::Outcome<aip::Secret> unwrap(std::string_view wrapped, std::string_view aad, const aip::Call& call);
    /// The beginning of what wrap makes.
    [[nodiscard]] static bool looksWrapped(std::string_view text) { return text.substr(0, 7) == "vault:v"; }

    /// Makes a signing key that stays there. `rsaBits`: 2048, 3072 or 4096.
    aip::Outcome<keystore::PublicPart> generate(const std::string& name, keystore::Algorithm algorithm, unsigned rsaBits,
                                                const aip::Call& call);
    /// The JWS signature value.
    aip::Outcome<std::string> sign(const std::string& name, keystore::Algorithm algorithm, std::string_view data, const aip::Call& call);
    /// For good. Absent already is no failure.
    aip::Status remove(const std::string& name, const aip::Call& call);

private:
    [[nodiscard]] std::string at(const char* part, const std::string& name) const { return mount_ + "/" + part + "/" + name; }

    vault::Session& session_;
    std::string mount_;
    std::string wrappingKey_;
};

}  // namespace agentidp::keys_vault
