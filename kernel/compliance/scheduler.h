#pragma once
/// @file kernel/compliance/scheduler.h
/// Runs the compliance jobs: each at its interval, on one replica at a time (a lease in storage), in slices that resume where
/// the last one ended, also after a restart.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "plugin/job.h"
#include "plugin/storage.h"
#include "store/meta.h"

namespace agentidp::compliance {

struct JobStatus {
    std::string name;
    base::seconds interval{0};
    store::JobRun last;
};

struct SchedulerOptions {
    std::string replica;                ///< who holds the lease
    base::seconds slice{10};            ///< the deadline of one slice
    std::size_t slicesPerRun = 10'000;  ///< bound of one whole run
    /// Hears the end of each run, for the log and the metrics: job, outcome ("ok" or why not), seconds.
    std::function<void(const std::string&, const std::string&, double)> onRun = [](const auto&, const auto&, double) {};
};

class Scheduler {
public:
    Scheduler(plugin::Storage& storage, const base::Clock& clock, std::vector<plugin::Job*> jobs, SchedulerOptions options);
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;
    ~Scheduler();

    /// A thread that looks each second for a job that is due.
    void start();
    /// Ends after the slice at hand.
    void stop();

    /// One whole run now, on the caller's thread. Conflict: another replica, or this one, is at it.
    base::Result<store::JobRun> runNow(std::string_view job);
    [[nodiscard]] base::Result<std::vector<JobStatus>> status() const;

private:
    base::Result<store::JobRun> run(plugin::Job& job);
    base::Result<void> save(const store::JobRun& run);
    void loop();
    [[nodiscard]] bool due(const plugin::Job& job) const;

    plugin::Storage& storage_;
    const base::Clock& clock_;
    std::vector<plugin::Job*> jobs_;
    SchedulerOptions options_;
    std::mutex running_;  ///< one run at a time in this process
    std::mutex mutex_;
    std::condition_variable wake_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace agentidp::compliance
