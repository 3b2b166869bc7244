#pragma once
/// @file kernel/plugin/contract/job_contract.h
/// What every compliance job keeps: idempotent, resumable after each slice, bounded by its deadline. The suite knows nothing of what a job
/// looks for: it compares what a job reports in one run with what it reports when it is interrupted, repeated or restarted.
#include <functional>
#include <vector>

#include "base/clock.h"
#include "plugin/contract/case.h"
#include "plugin/contract/job_host.h"
#include "plugin/job.h"

namespace agentidp::plugin::contract {

/// A running instance whose host interfaces are `host`.
struct JobSubject {
    Job* job = nullptr;
    /// Stops the instance, starts another, answers it; `job` then is what it answered. Never empty.
    std::function<base::Result<Job*>()> restart;
    JobHost* host = nullptr;
    const base::Clock* clock = nullptr;  ///< the clock the instance sees
    /// Time passes: both clocks move. Empty: the clock is the system's, and cases that need one that moves pass without it.
    std::function<void(base::microseconds by)> advance;
};

[[nodiscard]] std::vector<Case<JobSubject>> jobContract();

}  // namespace agentidp::plugin::contract
