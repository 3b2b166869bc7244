#pragma once
/// @file kernel/plugin/keys_plugin.h
/// A keys plugin behind plugin::Keys. Whether a signature and its key belong together is the key ring's to verify; here only the
/// shape of what comes back is.
#include <memory>

#include "plugin/instance.h"
#include "plugin/keys.h"

namespace agentidp::plugin {

class KeysPlugin final : public Keys {
public:
    /// Errc::Invalid if the operations table or what describe says is not a keys plugin's.
    static base::Result<std::unique_ptr<KeysPlugin>> open(std::unique_ptr<Instance> instance);

    [[nodiscard]] std::string name() const override { return instance_->plugin().name; }
    [[nodiscard]] const KeysAbilities& abilities() const override { return abilities_; }
    base::Result<HeldKey> generate(std::string_view alg, const Call& call) override;
    base::Result<HeldKey> import(std::string_view alg, const base::Secret& pkcs8, const Call& call) override;
    base::Result<std::vector<HeldKey>> list(const Call& call) override;
    base::Result<Signed> sign(std::string_view fingerprint, base::BytesView data, const Call& call) override;
    base::Result<void> retire(std::string_view fingerprint, const Call& call) override;
    base::Result<base::Bytes> wrap(const base::Secret& plain, std::string_view aad, const Call& call) override;
    base::Result<base::Secret> unwrap(base::BytesView wrapped, std::string_view aad, const Call& call) override;
    base::Result<base::Secret> exportPrivate(std::string_view fingerprint, const Call& call) override;
    base::Result<void> health(const Call& call) override { return instance_->health(call); }

    [[nodiscard]] Instance& instance() { return *instance_; }

private:
    explicit KeysPlugin(std::unique_ptr<Instance> instance);
    base::Result<HeldKey> readKey(const Operation& operation, const base::json::Value& told, std::string_view alg) const;
    base::Result<HeldKey> readMade(const Operation& operation, Frame& frame, std::string_view alg) const;

    std::unique_ptr<Instance> instance_;
    const aip_keys_ops& ops_;
    KeysAbilities abilities_;
    Operation generate_, import_, list_, sign_, retire_, wrap_, unwrap_, export_;
};

}  // namespace agentidp::plugin
