#pragma once
/// @file kernel/audit/retention.h
/// Drops bodies that are older than their organization keeps them. Leaves, tiles and checkpoints stay, so that what remains
/// still proves; what was dropped is said in the ledger itself (audit.pruned), in the same transaction.
#include <map>
#include <string>

#include "audit/ledger.h"
#include "base/clock.h"

namespace agentidp::audit {

struct RetentionPolicy {
    std::int64_t defaultDays = 90;
    std::map<std::string, std::int64_t> daysByPlan;  ///< organizations.plan -> days; 0: for ever
};

/// One organization's next slice.
struct PruneStep {
    Effect effect;
    std::uint64_t entries = 0;  ///< bodies it will drop
    bool more = false;          ///< the organization has another slice after this one
};

/// Blocks for storage; one thread at a time.
class Retention {
public:
    Retention(plugin::Storage& storage, const base::Clock& clock, RetentionPolicy policy)
        : storage_(storage), clock_(clock), policy_(std::move(policy)) {}

    /// What there is to do now, at most one slice of 20,000 entries for each organization (number 0: entries of no
    /// organization). Append every effect; ask again while one of them says more.
    base::Result<std::vector<PruneStep>> plan();

private:
    struct Owner {
        std::int64_t num = 0;
        std::string id;
        std::int64_t days = 0;
    };
    base::Result<std::vector<Owner>> owners();
    base::Result<std::optional<PruneStep>> step(const Owner& owner);

    plugin::Storage& storage_;
    const base::Clock& clock_;
    const RetentionPolicy policy_;
};

}  // namespace agentidp::audit
