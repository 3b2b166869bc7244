#pragma once
/// @file kernel/model/organization.h
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/ids.h"

namespace agentidp::model {

enum class OrganizationStatus { Active, Suspended };

/// A tenant. `system` (slug) is made by init; only its agents may hold admin:orgs.
struct Organization {
    std::int64_t num = 0;  ///< storage's own number; what ledger rows carry
    OrganizationId id;
    std::string name;
    std::string slug;  ///< [a-z0-9-]{1,63}, unique
    std::string plan = "free";
    OrganizationStatus status = OrganizationStatus::Active;
    std::string limitsJson = "{}";  ///< overrides of limits: {"tokensPerMonth": n, "requestsPerMinute": n}
    base::Instant createdAt;
    base::Instant updatedAt;
    std::int64_t version = 1;  ///< ETag
};

inline constexpr std::string_view kSystemSlug = "system";
inline constexpr std::string_view kDefaultSlug = "default";

}  // namespace agentidp::model
