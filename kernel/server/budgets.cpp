#include "server/budgets.h"

#include "store/meta.h"

namespace agentidp::server {
namespace {

constexpr base::milliseconds kDeadline{250};

oauth::Taken takenOf(const plugin::Budget& budget) { return {budget.allowed, {budget.limit, budget.remaining, budget.resetAt}}; }

std::string monthKey(const model::AgentId& client, std::int64_t month) {
    const auto number = month % 100;
    return "monthly:" + client.str() + ":" + std::to_string(month / 100) + ":" + (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

void ClientBudgets::countInto(observe::Metrics& metrics) {
    const auto decisions = [&](const std::string& of) {
        return Decisions{metrics.counter(observe::Metric::RatelimitDecisionsTotal, {of, "allowed"}),
                         metrics.counter(observe::Metric::RatelimitDecisionsTotal, {of, "denied"})};
    };
    minutes_ = decisions("minute");
    months_ = decisions("month");
}

base::Result<oauth::Taken> ClientBudgets::takeRequest(const oauth::Client& client, base::Instant now) {
    return takeRequest(client.agent.id, client.requestsPerMinute.value_or(limits_.requestsPerMinute), now);
}

base::Result<oauth::Taken> ClientBudgets::takeRequest(const model::AgentId& client, std::int64_t perMinute, base::Instant) {
    const auto budget = limiter_.take("rate:" + client.str(), perMinute, std::chrono::minutes(1), 1, plugin::callWithin(clock_, kDeadline));
    if (!budget) return budget.error();
    return minutes_.count(takenOf(*budget));
}

bool ClientBudgets::monthKnown(const model::AgentId& client, base::Instant now) {
    auto known = known_.lock();
    return known->month == store::monthOf(now) && known->clients.contains(client.str());
}

base::Result<oauth::Taken> ClientBudgets::countToken(const oauth::Client& client, base::Instant now) {
    const auto limit = client.tokensPerMonth.value_or(limits_.tokensPerMonth);
    const auto month = store::monthOf(now);
    const auto end = store::endOfMonth(now);
    const auto key = monthKey(client.agent.id, month);
    const auto call = plugin::callWithin(clock_, kDeadline);
    if (!monthKnown(client.agent.id, now)) {
        const auto written = store::readMonthlyCount(storage_, clock_, client.agent.num, month);
        if (!written) return written.error();
        const auto counted = limiter_.count(key, limit, end, 0, call);
        if (!counted) return counted.error();
        const auto behind = *written - (counted->limit - counted->remaining);
        if (behind > 0) {
            const auto raised = limiter_.count(key, limit, end, behind, call);
            if (!raised) return raised.error();
        }
        auto known = known_.lock();
        if (known->month != month) {
            known->month = month;
            known->clients.clear();
        }
        known->clients.insert(client.agent.id.str());
    }
    const auto counted = limiter_.count(key, limit, end, 1, call);
    if (!counted) return counted.error();
    return months_.count(takenOf(*counted));
}

}  // namespace agentidp::server
