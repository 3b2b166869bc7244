#pragma once
/// @file kernel/registry/access.h
/// Who may touch which object. Another organization's object is NOT_FOUND, exactly like a missing one, and leaves an
/// access.refused event.
#include <optional>
#include <string>
#include <string_view>

#include "model/agent.h"
#include "model/decided.h"
#include "registry/ports.h"
#include "registry/ruling.h"

namespace agentidp::registry {

[[nodiscard]] Ruling refuse(model::Problem problem);
/// 404, with the event where the object exists and belongs to others.
[[nodiscard]] Ruling notFound(const Asker& asker, std::string_view kind, std::string_view id, bool exists);
[[nodiscard]] Ruling answered(int status, std::string body, std::string etag = {});

/// Nothing where the caller holds `scope`; else the 403.
[[nodiscard]] std::optional<Ruling> needScope(const Asker& asker, std::string_view scope);
[[nodiscard]] bool sameOrganization(const model::Caller& caller, std::int64_t organizationNum);
/// A caller may give an agent, or leave on one it edits, only scopes it holds in its own token: the 403 otherwise.
[[nodiscard]] std::optional<Ruling> needReach(const Asker& asker, const model::ScopeSet& scopes);

/// The agent, if the caller may know of it; else the refusal.
[[nodiscard]] model::Decided<model::Agent, Ruling> visibleAgent(Agents& agents, const Asker& asker, std::string_view id);

/// The number that ends every token of an agent issued up to now.
void endTokens(model::Agent& agent, base::Instant now);

/// The compact JSON of an event's metadata; pairs with an empty value are left out.
[[nodiscard]] std::string metadata(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);

}  // namespace agentidp::registry
