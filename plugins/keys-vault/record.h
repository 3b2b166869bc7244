#pragma once
/// @file plugins/keys-vault/record.h
/// What KV holds of one signing key, under <path>/signing/<fingerprint>, whatever engine keeps its private part. So keys made under one
/// engine go on under another, and a retired key leaves a tombstone.
#include <agentidp/plugin.hpp>

#include <memory>
#include <optional>
#include <string>

#include "keystore/signing_key.h"
#include "remote/json.h"

namespace agentidp::keys_vault {

struct Record {
    enum class Form {
        Plain,    ///< `material`: PKCS#8 DER, kept by KV alone
        Wrapped,  ///< `material`: PKCS#8 DER encrypted by transit ("vault:v1:...")
        Transit,  ///< `material`: the name of a key that never leaves transit
        Retired   ///< `material`: what was its name in transit, while that is still to be deleted
    };
    aip::HeldKey held;
    Form form = Form::Plain;
    aip::Secret material;
    std::int64_t version = 0;  ///< of the secret in KV
};

[[nodiscard]] remote::Object write(const Record& record, std::int64_t retiredAtUs);
/// AIP_E_INVALID: the secret is not one of ours, or not this key's.
[[nodiscard]] aip::Outcome<Record> readRecord(const remote::Json& data, std::string_view fingerprint);

}  // namespace agentidp::keys_vault
