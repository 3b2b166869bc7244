#pragma once
/// @file kernel/server/registry_store.h
/// The store as the registry's rules want to read it. Any thread; every call may block for storage.
#include "plugin/storage.h"
#include "registry/ports.h"

namespace agentidp::server {

class RegistryAgents final : public registry::Agents {
public:
    RegistryAgents(plugin::Storage& storage, const base::Clock& clock) : storage_(storage), clock_(clock) {}
    [[nodiscard]] base::Result<model::Agent> find(const model::AgentId& id) override;
    [[nodiscard]] base::Result<std::vector<model::Agent>> list(const registry::AgentFilter& filter, std::optional<std::int64_t> before,
                                                               std::uint32_t limit) override;

private:
    plugin::Storage& storage_;
    const base::Clock& clock_;
};

class RegistryOrganizations final : public registry::Organizations {
public:
    RegistryOrganizations(plugin::Storage& storage, const base::Clock& clock) : storage_(storage), clock_(clock) {}
    [[nodiscard]] base::Result<model::Organization> find(const model::OrganizationId& id) override;
    [[nodiscard]] base::Result<std::vector<model::Organization>> list(std::optional<std::int64_t> before, std::uint32_t limit) override;

private:
    plugin::Storage& storage_;
    const base::Clock& clock_;
};

class RegistryCredentials final : public registry::Credentials {
public:
    RegistryCredentials(plugin::Storage& storage, const base::Clock& clock) : storage_(storage), clock_(clock) {}
    [[nodiscard]] base::Result<model::Credential> find(const model::CredentialId& id) override;
    [[nodiscard]] base::Result<std::vector<model::Credential>> list(std::int64_t agentNum, std::optional<model::CredentialStatus> status,
                                                                    std::optional<registry::CredentialPosition> before,
                                                                    std::uint32_t limit) override;

private:
    plugin::Storage& storage_;
    const base::Clock& clock_;
};

}  // namespace agentidp::server
