#pragma once
/// @file kernel/store/meta.h
/// The small tables: named values, monthly counts, idempotency keys, leases, job runs, job findings.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugin/storage.h"

namespace agentidp::store {

/// Sets a named value once: a second insert of the same name fails with Exists.
[[nodiscard]] plugin::Op insertMeta(std::string_view name, std::string_view value);
[[nodiscard]] base::Result<std::optional<std::string>> readMeta(plugin::Storage& storage, const base::Clock& clock, std::string_view name);

/// yyyymm of `at`, UTC, and the first instant of the month after.
[[nodiscard]] std::int64_t monthOf(base::Instant at);
[[nodiscard]] base::Instant endOfMonth(base::Instant at);
/// Tokens counted against an agent in a month; 0 where none were.
[[nodiscard]] base::Result<std::int64_t> readMonthlyCount(plugin::Storage& storage, const base::Clock& clock, std::int64_t agentNum,
                                                          std::int64_t month);
/// The same for several agents, as {agent, count}; those without a row are left out.
[[nodiscard]] base::Result<std::vector<std::pair<std::int64_t, std::int64_t>>> readMonthlyCounts(plugin::Storage& storage,
                                                                                                 const base::Clock& clock,
                                                                                                 const std::vector<std::int64_t>& agentNums,
                                                                                                 std::int64_t month);

struct IdempotentAnswer {
    std::string clientId;
    std::string key;
    base::Bytes bodyHash;
    std::int64_t status = 0;
    std::string location;
    std::string body;  ///< without any secret
    base::Instant expiresAt;
};
[[nodiscard]] plugin::Op insertIdempotentAnswer(const IdempotentAnswer& answer);
[[nodiscard]] plugin::Op removeExpiredIdempotentAnswers(base::Instant now);
[[nodiscard]] base::Result<std::optional<IdempotentAnswer>> readIdempotentAnswer(plugin::Storage& storage, const base::Clock& clock,
                                                                                 std::string_view clientId, std::string_view key);

struct JobRun {
    std::string job;
    std::string cursor;   ///< where the next slice begins; empty: at the beginning
    std::string outcome;  ///< "ok", "running" or one sentence
    std::int64_t processed = 0;
    std::optional<base::Instant> startedAt, finishedAt;
};
[[nodiscard]] plugin::Op putJobRun(const JobRun& run);
[[nodiscard]] base::Result<std::optional<JobRun>> readJobRun(plugin::Storage& storage, const base::Clock& clock, std::string_view job);

/// Fails with Exists where the same finding was made that day.
[[nodiscard]] plugin::Op insertFinding(std::string_view code, std::string_view subject, std::int64_t day);

}  // namespace agentidp::store
