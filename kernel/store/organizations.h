#pragma once
/// @file kernel/store/organizations.h
/// The organizations table. Writes are Op values for an audit::Effect; reads go through the storage plugin and may block.
#include <optional>
#include <vector>

#include "model/organization.h"
#include "plugin/storage.h"

namespace agentidp::store {

[[nodiscard]] plugin::Op insertOrganization(const model::Organization& organization);
/// Writes every member but the identity, and the next version; Conflict unless the stored version is `expected`.
[[nodiscard]] plugin::Op updateOrganization(const model::Organization& organization, std::int64_t expected);

/// Any thread.
class Organizations {
public:
    Organizations(plugin::Storage& storage, const base::Clock& clock) : storage_(storage), clock_(clock) {}
    [[nodiscard]] base::Result<model::Organization> find(const model::OrganizationId& id) const;
    [[nodiscard]] base::Result<model::Organization> findByNum(std::int64_t num) const;
    [[nodiscard]] base::Result<model::Organization> findBySlug(std::string_view slug) const;
    /// Newest first; `before` is the num of the last one seen.
    [[nodiscard]] base::Result<std::vector<model::Organization>> list(std::optional<std::int64_t> before, std::uint32_t limit) const;

private:
    [[nodiscard]] base::Result<model::Organization> one(std::vector<plugin::Where> where) const;
    plugin::Storage& storage_;
    const base::Clock& clock_;
};

}  // namespace agentidp::store
