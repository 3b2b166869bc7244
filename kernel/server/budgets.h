#pragma once
/// @file kernel/server/budgets.h
/// A client's minute and month, counted by the rate-limiting plugin under the reference's key names. The month's truth is the
/// table token_monthly_counts, written with the ledger; the plugin's counter starts from it.
#include <string>

#include "base/guarded.h"
#include "oauth/ports.h"
#include "observe/metrics.h"
#include "plugin/rate_limiter.h"
#include "plugin/storage.h"

#include <unordered_set>

namespace agentidp::server {

struct BudgetLimits {
    std::int64_t requestsPerMinute = 100;
    std::int64_t tokensPerMonth = 10'000;
};

/// Any thread. Blocks where the plugin does, and once for each client and month to read where its count stands.
class ClientBudgets final : public oauth::Budgets {
public:
    ClientBudgets(plugin::RateLimiter& limiter, plugin::Storage& storage, const base::Clock& clock, BudgetLimits limits)
        : limiter_(limiter), storage_(storage), clock_(clock), limits_(limits) {}

    [[nodiscard]] base::Result<oauth::Taken> takeRequest(const oauth::Client& client, base::Instant now) override;
    [[nodiscard]] base::Result<oauth::Taken> countToken(const oauth::Client& client, base::Instant now) override;
    /// The same minute, for a caller of the REST API.
    [[nodiscard]] base::Result<oauth::Taken> takeRequest(const model::AgentId& client, std::int64_t perMinute, base::Instant now);
    /// Whether countToken() would answer without reading storage.
    [[nodiscard]] bool monthKnown(const model::AgentId& client, base::Instant now);
    /// Counts decisions by class and outcome from now on; before the first request.
    void countInto(observe::Metrics& metrics);
    [[nodiscard]] bool blocks() const { return limiter_.blocks(); }
    [[nodiscard]] std::int64_t defaultPerMinute() const { return limits_.requestsPerMinute; }

private:
    /// One class of decisions as metrics.
    struct Decisions {
        observe::Counter allowed, denied;
        const oauth::Taken& count(const oauth::Taken& taken) const {
            (taken.allowed ? allowed : denied).add();
            return taken;
        }
    };
    struct Known {
        std::int64_t month = 0;
        std::unordered_set<std::string> clients;
    };
    plugin::RateLimiter& limiter_;
    plugin::Storage& storage_;
    const base::Clock& clock_;
    BudgetLimits limits_;
    Decisions minutes_, months_;
    base::Guarded<Known> known_;
};

}  // namespace agentidp::server
