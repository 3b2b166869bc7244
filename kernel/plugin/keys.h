#pragma once
/// @file kernel/plugin/keys.h
/// What a keys plugin promises: it holds private keys and wraps data keys. Semantics: aip_keys_ops in agentidp/plugin.h.
/// One is active, at most one more is `previous`.
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "plugin/call.h"

namespace agentidp::plugin {

struct HeldKey {
    std::string fingerprint;  ///< RFC 7638 thumbprint, base64url
    std::string alg;
    base::json::Value jwk;  ///< public
    bool retired = false;
};

struct KeysAbilities {
    std::vector<std::string> algorithms;
    bool exportable = false;
    bool wraps = false;
    bool remote = false;
};

struct Signed {
    base::Bytes signature;    ///< JWS signature value
    std::string fingerprint;  ///< of the key that signed
};

/// Any thread; may block up to the call's deadline.
class Keys {
public:
    virtual ~Keys() = default;
    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual const KeysAbilities& abilities() const = 0;
    virtual base::Result<HeldKey> generate(std::string_view alg, const Call& call) = 0;
    virtual base::Result<HeldKey> import(std::string_view alg, const base::Secret& pkcs8, const Call& call) = 0;
    virtual base::Result<std::vector<HeldKey>> list(const Call& call) = 0;
    virtual base::Result<Signed> sign(std::string_view fingerprint, base::BytesView data, const Call& call) = 0;
    virtual base::Result<void> retire(std::string_view fingerprint, const Call& call) = 0;
    virtual base::Result<base::Bytes> wrap(const base::Secret& plain, std::string_view aad, const Call& call) = 0;
    virtual base::Result<base::Secret> unwrap(base::BytesView wrapped, std::string_view aad, const Call& call) = 0;
    virtual base::Result<base::Secret> exportPrivate(std::string_view fingerprint, const Call& call) = 0;
    virtual base::Result<void> health(const Call& call) = 0;
};

}  // namespace agentidp::plugin
