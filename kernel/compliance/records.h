#pragma once
/// @file kernel/compliance/records.h
/// The host's side of jobs: typed reads of records, and findings that become ledger events. What "records.v1" and "findings.v1"
/// of agentidp/plugin.h answer with; the plugin room carries it across the border.
#include <functional>
#include <string>

#include "audit/ledger.h"
#include "base/json.h"
#include "base/result.h"
#include "plugin/storage.h"

namespace agentidp::compliance {

/// Any thread; may block up to a read's deadline. Records never hold a secret or a MAC.
class Records {
public:
    Records(plugin::Storage& storage, const base::Clock& clock) : storage_(storage), clock_(clock) {}
    /// `kind` "credentials" or "agents"; `query`: {"cursor", "limit" (100, at most 1,000), "status", "expiresBefore" (us)}.
    /// Answers {"records": [...], "cursor": "..."}; an absent cursor is the end.
    [[nodiscard]] base::Result<base::json::Value> read(std::string_view kind, const base::json::Value& query) const;

private:
    [[nodiscard]] base::Result<base::json::Value> credentials(const base::json::Value& query) const;
    [[nodiscard]] base::Result<base::json::Value> agents(const base::json::Value& query) const;
    plugin::Storage& storage_;
    const base::Clock& clock_;
};

/// Takes what jobs report: {"code", "severity", "subject", "organizationId", "detail"}. The same code and subject again on a day is
/// one finding. Any thread; waits for durability.
class Findings {
public:
    Findings(audit::Ledger& ledger, plugin::Storage& storage, const base::Clock& clock)
        : ledger_(ledger), storage_(storage), clock_(clock) {}
    [[nodiscard]] base::Result<void> report(std::string_view job, const base::json::Value& finding);

private:
    audit::Ledger& ledger_;
    plugin::Storage& storage_;
    const base::Clock& clock_;
};

}  // namespace agentidp::compliance
