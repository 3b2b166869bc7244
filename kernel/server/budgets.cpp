#include "server/budgets.h"

#include <algorithm>

#include "store/meta.h"

namespace agentidp::server {
namespace {

constexpr base::milliseconds kDeadline{250};
constexpr base::microseconds kClaim = std::chrono::seconds(2);
constexpr base::seconds kAskAgain{1};
constexpr std::size_t kMostKnown = 50'000;
constexpr base::microseconds kTurn = std::chrono::seconds(2);
constexpr std::size_t kRead = 500;
constexpr std::int64_t kUnlimited = std::int64_t{1} << 50U;

std::int64_t sumOf(const plugin::Budget& budget) { return budget.limit - budget.remaining; }

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

base::Result<oauth::Taken> ClientBudgets::takeRequest(const oauth::Client& client, base::Instant, const oauth::Charge& charge) {
    const auto perMinute = client.organization.requestsPerMinute.value_or(limits_.requestsPerMinute);
    auto taken = take("rate:" + client.agent.id.str(), perMinute, charge.cost);
    if (!taken || !taken->allowed || charge.alsoFrom.empty()) return taken;
    const auto also = take("hook:" + std::to_string(client.organization.num) + ":" + charge.alsoFrom, perMinute, charge.cost);
    if (!also) return also;
    return also->state.remaining < taken->state.remaining || !also->allowed ? also : taken;
}

base::Result<oauth::Taken> ClientBudgets::takeRequest(const model::AgentId& client, std::int64_t perMinute, base::Instant) {
    return take("rate:" + client.str(), perMinute, 1);
}

base::Result<oauth::Taken> ClientBudgets::take(const std::string& key, std::int64_t perMinute, std::int64_t cost) {
    const auto budget = limiter_.take(key, perMinute, std::chrono::minutes(1), cost, plugin::callWithin(clock_, kDeadline));
    if (!budget) return budget.error();
    return minutes_.count(takenOf(*budget));
}

ClientBudgets::Month ClientBudgets::monthOf(const oauth::Client& client, base::Instant now) const {
    const auto month = store::monthOf(now);
    return {client.agent.id, client.agent.num, month, monthKey(client.agent.id, month), perMonth(client), store::endOfMonth(now)};
}

bool ClientBudgets::isKnown(const Month& month) {
    auto known = known_.lock();
    return known->month == month.number && known->clients.contains(month.client.str());
}

bool ClientBudgets::monthKnown(const model::AgentId& client, base::Instant now) {
    auto known = known_.lock();
    return known->month == store::monthOf(now) && known->clients.contains(client.str());
}

base::Result<oauth::Taken> ClientBudgets::countToken(const oauth::Client& client, base::Instant now) {
    const auto of = monthOf(client, now);
    if (!isKnown(of)) {
        if (auto raised = raiseToTable(of, 0); !raised) return std::move(raised).error();
    }
    auto counted = limiter_.count(of.key, of.limit, of.end, 1, plugin::callWithin(clock_, kDeadline));
    if (!counted) return counted.error();
    if (forgot(of, sumOf(*counted))) {
        if (auto raised = raiseToTable(of, 1); !raised) return std::move(raised).error();
        counted = limiter_.count(of.key, of.limit, of.end, 0, plugin::callWithin(clock_, kDeadline));
        if (!counted) return counted.error();
    }
    return months_.count(takenOf(*counted));
}

void ClientBudgets::noteToken(const oauth::Client& client, base::Instant now) {
    const MonthOfAgent key{store::monthOf(now), client.agent.num};
    auto noted = noted_.lock();
    const auto known = noted->tokens.find(key);
    if (known != noted->tokens.end())
        ++known->second.tokens;
    else if (noted->tokens.size() < kMostNoted)
        noted->tokens.emplace(key, Noted{client.agent.id, perMonth(client), store::endOfMonth(now), 1});
    else
        months_.allowed.add();
}

ClientBudgets::NotedTokens ClientBudgets::takeTurn() {
    NotedTokens taken;
    auto noted = noted_.lock();
    while (taken.size() < kAtOnce && !noted->tokens.empty()) {
        auto next = noted->tokens.upper_bound(noted->last);
        if (next == noted->tokens.end()) next = noted->tokens.begin();
        // One read asks for one month.
        if (!taken.empty() && next->first.first != taken.begin()->first.first) break;
        noted->last = next->first;
        taken.insert(noted->tokens.extract(next));
    }
    return taken;
}

/// A month that is only reported follows its table: one replica at a time brings the counters of the clients it served up to what is
/// written, so that nothing is counted twice and what a server forgot comes back.
base::Result<void> ClientBudgets::flush() {
    auto taken = takeTurn();
    auto done = taken.empty() ? base::Result<void>() : followTable(taken);
    auto again = noted_.lock();
    for (auto& [key, left] : taken) {
        const auto [mine, added] = again->tokens.try_emplace(key, left);
        if (!added) mine->second.tokens += left.tokens;
    }
    return done;
}

/// Takes out of `noted`, which is of one month, what was counted.
base::Result<void> ClientBudgets::followTable(NotedTokens& noted) {
    if (limiter_.blocks()) {
        const auto turn = limiter_.take("seed:months", 1, kTurn, 1, plugin::callWithin(clock_, kDeadline));
        if (!turn) return turn.error();
        if (!turn->allowed) return {};
    }
    const auto until = clock_.mono() + kTurn / 2;
    const auto month = noted.begin()->first.first;
    while (!noted.empty() && clock_.mono() < until) {
        std::vector<std::int64_t> agents;
        for (auto it = noted.begin(); it != noted.end() && agents.size() < kRead; ++it) agents.push_back(it->first.second);
        const auto written = store::readMonthlyCounts(storage_, clock_, agents, month);
        if (!written) return written.error();
        for (const auto& [agent, tokens] : *written)
            if (auto raised = raiseTo(noted.at({month, agent}), month, tokens); !raised) return raised;
        // One that is not written has no row any more.
        for (const auto agent : agents) noted.erase({month, agent});
    }
    return {};
}

base::Result<void> ClientBudgets::raiseTo(const Noted& noted, std::int64_t month, std::int64_t written) {
    const auto key = monthKey(noted.client, month);
    const auto sum = limiter_.count(key, kUnlimited, noted.end, 0, plugin::callWithin(clock_, kDeadline));
    if (!sum) return sum.error();
    if (const auto behind = written - sumOf(*sum); behind > 0) {
        if (auto raised = limiter_.count(key, kUnlimited, noted.end, behind, plugin::callWithin(clock_, kDeadline)); !raised)
            return std::move(raised).error();
    }
    const auto over = std::clamp<std::int64_t>(written - noted.limit, 0, noted.tokens);
    months_.allowed.add(static_cast<double>(noted.tokens - over));
    months_.denied.add(static_cast<double>(over));
    return {};
}

/// How much the counter is behind what the table says, and `own` on top of it.
base::Result<std::int64_t> ClientBudgets::behindTable(const Month& month, std::int64_t own) {
    const auto written = store::readMonthlyCount(storage_, clock_, month.agentNum, month.number);
    if (!written) return written.error();
    const auto counted = limiter_.count(month.key, month.limit, month.end, 0, plugin::callWithin(clock_, kDeadline));
    if (!counted) return counted.error();
    // A sum past the limit is not told.
    return counted->remaining == 0 ? 0 : *written + own - sumOf(*counted);
}

/// Of replicas that share a counter and find it behind, one raises it at a time: who got the claim, which is forgotten with the counter.
base::Result<bool> ClientBudgets::raiseToTable(const Month& month, std::int64_t own) {
    auto behind = behindTable(month, own);
    if (!behind) return std::move(behind).error();
    if (*behind <= 0) return true;
    const auto claim = limiter_.take("seed:" + month.key, 1, kClaim, 1, plugin::callWithin(clock_, kDeadline));
    if (!claim) return claim.error();
    if (!claim->allowed) return false;
    // Whoever had the claim before may just have raised it.
    behind = behindTable(month, own);
    if (!behind) return std::move(behind).error();
    if (*behind <= 0) return true;
    const auto raised = limiter_.count(month.key, month.limit, month.end, *behind, plugin::callWithin(clock_, kDeadline));
    if (!raised) return raised.error();
    return true;
}

/// A sum never falls within its month, except where the counter was lost: answers overtake each other, so that the table decides, asked
/// at most once a second for a client.
bool ClientBudgets::forgot(const Month& month, std::int64_t sum) {
    auto known = known_.lock();
    if (known->month != month.number || known->clients.size() >= kMostKnown) known->clients.clear();
    known->month = month.number;
    auto& seen = known->clients[month.client.str()];
    const bool fell = limiter_.blocks() && sum < seen.sum && clock_.mono() - seen.asked >= kAskAgain;
    if (fell) seen.asked = clock_.mono();
    seen.sum = fell ? sum : std::max(sum, seen.sum);
    return fell;
}

}  // namespace agentidp::server
