#pragma once
/// @file kernel/plugin/secret_store_plugin.h
/// A secrets plugin behind plugin::SecretStore.
#include <memory>

#include "plugin/instance.h"
#include "plugin/secret_store.h"

namespace agentidp::plugin {

class SecretStorePlugin final : public SecretStore {
public:
    /// Errc::Invalid if the operations table is not a secrets plugin's.
    static base::Result<std::unique_ptr<SecretStorePlugin>> open(std::unique_ptr<Instance> instance);

    base::Result<std::string> put(std::string_view path, const base::Secret& secret, const Call& call) override;
    base::Result<base::Secret> get(std::string_view path, std::string_view version, const Call& call) override;
    base::Result<void> remove(std::string_view path, const Call& call) override;
    base::Result<std::vector<std::string>> versions(std::string_view path, const Call& call) override;
    base::Result<void> health(const Call& call) { return instance_->health(call); }

    [[nodiscard]] Instance& instance() { return *instance_; }

private:
    explicit SecretStorePlugin(std::unique_ptr<Instance> instance);

    std::unique_ptr<Instance> instance_;
    const aip_secrets_ops& ops_;
    Operation put_, get_, remove_, versions_;
};

}  // namespace agentidp::plugin
