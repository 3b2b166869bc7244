#pragma once
/// @file plugins/keystore/sealer.h
/// What seals the private keys of a KeyStore: a key-encryption key in memory, or a backend that keeps its key to itself.
#include <agentidp/plugin.hpp>

#include <string>
#include <string_view>

namespace agentidp::keystore {

/// Any thread. May call out, within the deadline of the call.
class Sealer {
public:
    Sealer() = default;
    Sealer(const Sealer&) = delete;
    Sealer& operator=(const Sealer&) = delete;
    virtual ~Sealer() = default;

    /// Names what new files are sealed under, and tells nothing about it. One line of text.
    [[nodiscard]] virtual std::string id() const = 0;
    /// Whether a file that names `id` can be opened here.
    [[nodiscard]] virtual bool knows(std::string_view id) const { return id == this->id(); }
    /// The setting that chooses it, for messages: "plugins.keys-file.kek".
    [[nodiscard]] virtual std::string setting() const = 0;

    /// Encrypts `plain` (empty, or up to 16 KiB) and binds it to `aad`.
    virtual aip::Outcome<std::string> seal(std::string_view plain, std::string_view aad, const aip::Call& call) = 0;
    /// AIP_E_INVALID: other aad, sealed under something else, or changed bytes; nobody can tell which.
    virtual aip::Outcome<aip::Secret> open(std::string_view sealed, std::string_view aad, const aip::Call& call) = 0;
};

}  // namespace agentidp::keystore
