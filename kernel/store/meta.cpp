#include "store/meta.h"

#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::store {
namespace {

template <class T>
base::Result<std::optional<T>> absentIsNothing(base::Result<T> found) {
    if (found) return std::optional<T>(std::move(*found));
    if (found.error().code == base::Errc::NotFound) return std::optional<T>();
    return std::move(found).error();
}

plugin::Where is(std::string_view column, plugin::Value value) { return {column, plugin::Compare::Eq, {std::move(value)}}; }

}  // namespace

plugin::Op insertMeta(std::string_view name, std::string_view value) {
    return plugin::insertInto("meta", {{"name", std::string(name)}, {"value", std::string(value)}});
}

base::Result<std::optional<std::string>> readMeta(plugin::Storage& storage, const base::Clock& clock, std::string_view name) {
    return absentIsNothing(readOne<std::string>(storage, clock, plugin::select("meta", {"value"}, {is("name", std::string(name))}),
                                                [](const plugin::Row& row) -> base::Result<std::string> {
                                                    RowReader reader(row);
                                                    auto value = reader.text();
                                                    if (auto verdict = reader.verdict("meta"); !verdict) return verdict.error();
                                                    return value;
                                                }));
}

std::int64_t monthOf(base::Instant at) {
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(at));
    return static_cast<std::int64_t>(static_cast<int>(date.year())) * 100 + static_cast<std::int64_t>(static_cast<unsigned>(date.month()));
}

base::Instant endOfMonth(base::Instant at) {
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(at));
    const auto next = std::chrono::year_month(date.year(), date.month()) + std::chrono::months(1);
    return std::chrono::sys_days(next / std::chrono::day(1));
}

base::Result<std::int64_t> readMonthlyCount(plugin::Storage& storage, const base::Clock& clock, std::int64_t agentNum, std::int64_t month) {
    auto found = absentIsNothing(readOne<std::int64_t>(
        storage, clock, plugin::select("token_monthly_counts", {"count"}, {is("agent_num", agentNum), is("month", month)}),
        [](const plugin::Row& row) -> base::Result<std::int64_t> {
            RowReader reader(row);
            const auto count = reader.integer();
            if (auto verdict = reader.verdict("token_monthly_counts"); !verdict) return verdict.error();
            return count;
        }));
    if (!found) return std::move(found).error();
    return found->value_or(0);
}

base::Result<std::vector<std::pair<std::int64_t, std::int64_t>>> readMonthlyCounts(plugin::Storage& storage, const base::Clock& clock,
                                                                                   const std::vector<std::int64_t>& agentNums,
                                                                                   std::int64_t month) {
    using Count = std::pair<std::int64_t, std::int64_t>;
    const std::vector<plugin::Value> wanted(agentNums.begin(), agentNums.end());
    return readAll<Count>(
        storage, clock,
        plugin::select("token_monthly_counts", {"agent_num", "count"}, {{"agent_num", plugin::Compare::In, wanted}, is("month", month)},
                       static_cast<std::uint32_t>(agentNums.size())),
        [](const plugin::Row& row) -> base::Result<Count> {
            RowReader reader(row);
            Count count;
            count.first = reader.integer();
            count.second = reader.integer();
            if (auto verdict = reader.verdict("token_monthly_counts"); !verdict) return verdict.error();
            return count;
        });
}

plugin::Op insertIdempotentAnswer(const IdempotentAnswer& answer) {
    return plugin::insertInto("idempotency_keys", {{"client_id", answer.clientId},
                                                   {"key", answer.key},
                                                   {"body_hash", answer.bodyHash},
                                                   {"status", answer.status},
                                                   {"location", answer.location},
                                                   {"body", answer.body},
                                                   {"expires_at", answer.expiresAt}});
}

plugin::Op removeExpiredIdempotentAnswers(base::Instant now) {
    return plugin::removeFrom("idempotency_keys", {{"expires_at", plugin::Compare::Lt, {now}}});
}

base::Result<std::optional<IdempotentAnswer>> readIdempotentAnswer(plugin::Storage& storage, const base::Clock& clock,
                                                                   std::string_view clientId, std::string_view key) {
    return absentIsNothing(readOne<IdempotentAnswer>(
        storage, clock,
        plugin::select(
            "idempotency_keys", {"client_id", "key", "body_hash", "status", "location", "body", "expires_at"},
            {is("client_id", std::string(clientId)), is("key", std::string(key)), {"expires_at", plugin::Compare::Ge, {clock.now()}}}),
        [](const plugin::Row& row) -> base::Result<IdempotentAnswer> {
            RowReader reader(row);
            IdempotentAnswer answer;
            answer.clientId = reader.text();
            answer.key = reader.text();
            answer.bodyHash = reader.bytes();
            answer.status = reader.integer();
            answer.location = reader.text();
            answer.body = reader.text();
            answer.expiresAt = reader.time();
            if (auto verdict = reader.verdict("idempotency_keys"); !verdict) return verdict.error();
            return answer;
        }));
}

plugin::Op putJobRun(const JobRun& run) {
    return plugin::insertInto("job_runs",
                              {{"job", run.job},
                               {"cursor", run.cursor},
                               {"outcome", run.outcome},
                               {"processed", run.processed},
                               {"started_at", orNull(run.startedAt)},
                               {"finished_at", orNull(run.finishedAt)}},
                              plugin::Op::OnConflict::Replace);
}

base::Result<std::optional<JobRun>> readJobRun(plugin::Storage& storage, const base::Clock& clock, std::string_view job) {
    return absentIsNothing(readOne<JobRun>(
        storage, clock,
        plugin::select("job_runs", {"job", "cursor", "outcome", "processed", "started_at", "finished_at"}, {is("job", std::string(job))}),
        [](const plugin::Row& row) -> base::Result<JobRun> {
            RowReader reader(row);
            JobRun run;
            run.job = reader.text();
            run.cursor = reader.text();
            run.outcome = reader.text();
            run.processed = reader.integer();
            run.startedAt = reader.timeOrNull();
            run.finishedAt = reader.timeOrNull();
            if (auto verdict = reader.verdict("job_runs"); !verdict) return verdict.error();
            return run;
        }));
}

plugin::Op insertFinding(std::string_view code, std::string_view subject, std::int64_t day) {
    return plugin::insertInto("job_findings", {{"code", std::string(code)}, {"subject", std::string(subject)}, {"day", day}});
}

}  // namespace agentidp::store
