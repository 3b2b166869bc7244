#pragma once
/// @file kernel/server/budgets.h
/// A client's minute and month, counted by the rate-limiting plugin under the reference's key names. The month's truth is the
/// table token_monthly_counts, written with the ledger; the plugin's counter starts from it, and is raised to it again where the
/// plugin's backend lost it.
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/guarded.h"
#include "oauth/ports.h"
#include "observe/metrics.h"
#include "plugin/rate_limiter.h"
#include "plugin/storage.h"

namespace agentidp::server {

struct BudgetLimits {
    std::int64_t requestsPerMinute = 100;
    std::int64_t tokensPerMonth = 10'000;
};

/// Any thread. Blocks where the plugin does, and to read where a client's month stands: once, and where it was lost.
class ClientBudgets final : public oauth::Budgets {
public:
    ClientBudgets(plugin::RateLimiter& limiter, plugin::Storage& storage, const base::Clock& clock, BudgetLimits limits)
        : limiter_(limiter), storage_(storage), clock_(clock), limits_(limits) {}

    [[nodiscard]] base::Result<oauth::Taken> takeRequest(const oauth::Client& client, base::Instant now,
                                                         const oauth::Charge& charge) override;
    [[nodiscard]] base::Result<oauth::Taken> countToken(const oauth::Client& client, base::Instant now) override;
    /// A token that is durable in the ledger, of a client whose month is only reported: counted with a flush() soon. Bounded: beside
    /// kMostNoted other clients it is taken for one within its limit, and the client is noted with a later token. Never blocks.
    void noteToken(const oauth::Client& client, base::Instant now);
    /// Brings the counters of the clients that were noted up to the table, kAtOnce of them, by turns; replicas take turns, too, of two
    /// seconds. Blocks where the plugin and storage do. What cannot be counted now is counted next time.
    base::Result<void> flush();
    /// The same minute, for a caller of the REST API.
    [[nodiscard]] base::Result<oauth::Taken> takeRequest(const model::AgentId& client, std::int64_t perMinute, base::Instant now);
    /// Whether countToken() would answer without reading storage.
    [[nodiscard]] bool monthKnown(const model::AgentId& client, base::Instant now);
    /// Counts decisions by class and outcome from now on; before the first request.
    void countInto(observe::Metrics& metrics);
    [[nodiscard]] bool blocks() const { return limiter_.blocks(); }
    [[nodiscard]] std::int64_t perMonth(const oauth::Client& client) const {
        return client.organization.tokensPerMonth.value_or(limits_.tokensPerMonth);
    }
    [[nodiscard]] std::int64_t defaultPerMinute() const { return limits_.requestsPerMinute; }

private:
    /// One class of decisions as metrics.
    struct Decisions {
        observe::Counter allowed, denied;
        const oauth::Taken& count(const oauth::Taken& taken, std::int64_t requests = 1) const {
            (taken.allowed ? allowed : denied).add(static_cast<double>(requests));
            return taken;
        }
    };
    struct Month {
        model::AgentId client;
        std::int64_t agentNum = 0;
        std::int64_t number = 0;  ///< yyyymm
        std::string key;
        std::int64_t limit = 0;
        base::Instant end;
    };
    struct Seen {
        std::int64_t sum = 0;
        base::MonoInstant asked;  ///< when the table was asked because the sum had fallen
    };
    struct Known {
        std::int64_t month = 0;
        std::unordered_map<std::string, Seen> clients;
    };
    base::Result<oauth::Taken> take(const std::string& key, std::int64_t perMinute, std::int64_t cost);
    /// `own`: how many of the counter are this caller's and not in the table yet.
    [[nodiscard]] base::Result<std::int64_t> behindTable(const Month& month, std::int64_t own);
    /// False: another replica is raising it.
    base::Result<bool> raiseToTable(const Month& month, std::int64_t own);
    [[nodiscard]] bool forgot(const Month& month, std::int64_t sum);
    static constexpr std::size_t kMostNoted = 10'000;
    static constexpr std::size_t kAtOnce = 1'000;

    plugin::RateLimiter& limiter_;
    plugin::Storage& storage_;
    const base::Clock& clock_;
    BudgetLimits limits_;
    Decisions minutes_, months_;
    struct Noted {
        model::AgentId client;
        std::int64_t limit = 0;
        base::Instant end;
        std::int64_t tokens = 0;
    };
    [[nodiscard]] Month monthOf(const oauth::Client& client, base::Instant now) const;
    using MonthOfAgent = std::pair<std::int64_t, std::int64_t>;  ///< yyyymm, the agent's num
    using NotedTokens = std::map<MonthOfAgent, Noted>;
    struct Waiting {
        NotedTokens tokens;
        MonthOfAgent last;  ///< whose turn was last
    };
    [[nodiscard]] NotedTokens takeTurn();
    [[nodiscard]] bool isKnown(const Month& month);
    base::Result<void> followTable(NotedTokens& noted);
    base::Result<void> raiseTo(const Noted& noted, std::int64_t month, std::int64_t written);

    base::Guarded<Known> known_;
    base::Guarded<Waiting> noted_;
};

}  // namespace agentidp::server
