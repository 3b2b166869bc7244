#pragma once
/// @file kernel/registry/organizations.h
/// The rules of /api/v1/organizations. Making and changing them needs admin:orgs; an organization sees only itself.
/// `system` can be neither suspended nor deleted, and no other may hold agents with admin:orgs.
#include "base/json.h"
#include "registry/page.h"
#include "registry/ports.h"
#include "registry/ruling.h"

namespace agentidp::registry {

/// Any thread; blocks only where a port does.
class OrganizationRules {
public:
    struct Ports {
        Organizations& organizations;
        const Cursors& cursors;
    };
    explicit OrganizationRules(Ports ports) : ports_(ports) {}

    /// Body `{name, slug?, plan?, limits?}`; the slug is made from the name where absent.
    [[nodiscard]] Ruling create(const Asker& asker, const base::json::Value& body) const;
    /// Its own, or any for a platform caller.
    [[nodiscard]] Ruling read(const Asker& asker, std::string_view organizationId) const;
    [[nodiscard]] Ruling list(const Asker& asker, const Query& query) const;
    /// Body `{name?, plan?, limits?, status?}`; the slug never changes.
    [[nodiscard]] Ruling update(const Asker& asker, std::string_view organizationId, const base::json::Value& body) const;
    /// DELETE: suspends it; its agents and what they did stay in the ledger. A repeat is 204.
    [[nodiscard]] Ruling remove(const Asker& asker, std::string_view organizationId) const;

private:
    Ports ports_;
};

}  // namespace agentidp::registry
