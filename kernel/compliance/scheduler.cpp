#include "compliance/scheduler.h"

#include <pthread.h>

#include <algorithm>

#include "store/leases.h"
#include "store/reads.h"

namespace agentidp::compliance {

using base::Errc;

Scheduler::Scheduler(plugin::Storage& storage, const base::Clock& clock, std::vector<plugin::Job*> jobs, SchedulerOptions options)
    : storage_(storage), clock_(clock), jobs_(std::move(jobs)), options_(std::move(options)) {}

Scheduler::~Scheduler() { stop(); }

void Scheduler::start() {
    if (jobs_.empty()) return;
    thread_ = std::thread([this] { loop(); });
    pthread_setname_np(thread_.native_handle(), "jobs");
}

void Scheduler::stop() {
    {
        const std::lock_guard hold(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Scheduler::loop() {
    std::unique_lock hold(mutex_);
    while (!stopping_) {
        hold.unlock();
        for (auto* job : jobs_)
            if (!stopping_ && due(*job)) (void)run(*job);
        hold.lock();
        wake_.wait_for(hold, std::chrono::seconds(1), [this] { return stopping_.load(); });
    }
}

bool Scheduler::due(const plugin::Job& job) const {
    const auto last = store::readJobRun(storage_, clock_, job.name());
    if (!last) return false;
    if (!*last || !(*last)->finishedAt) return true;
    return *(*last)->finishedAt + job.interval() <= clock_.now();
}

base::Result<void> Scheduler::save(const store::JobRun& run) {
    plugin::Transaction tx;
    auto saved = storage_.apply(tx, {store::putJobRun(run)}, plugin::ApplyMode::Commit, plugin::callWithin(clock_, store::kReadDeadline));
    if (!saved) return std::move(saved).error();
    return {};
}

base::Result<store::JobRun> Scheduler::run(plugin::Job& job) {
    const std::unique_lock only(running_, std::try_to_lock);
    if (!only.owns_lock()) return base::fail(Errc::Conflict, "a job is running");
    const auto began = clock_.mono();
    auto last = store::readJobRun(storage_, clock_, job.name());
    if (!last) return std::move(last).error();
    store::JobRun state = last->value_or(store::JobRun{});
    state.job = job.name();
    if (state.finishedAt || !state.startedAt) {
        state.startedAt = clock_.now();
        state.cursor.clear();
        state.processed = 0;
    }
    state.finishedAt.reset();
    state.outcome = "running";
    for (std::size_t slice = 0; slice < options_.slicesPerRun && !stopping_; ++slice) {
        const auto lease = store::takeLease(storage_, clock_, "job/" + job.name(), options_.replica, options_.slice * 3);
        if (!lease) return lease.error();
        if (*lease == store::LeaseOutcome::HeldByAnother) return base::fail(Errc::Conflict, "another replica runs " + job.name());
        auto done = job.run(state.cursor, plugin::callWithin(clock_, options_.slice));
        if (!done) {
            state.outcome = done.error().hint.empty() ? "failed" : done.error().hint;
            state.finishedAt = clock_.now();
            break;
        }
        state.cursor = done->cursor;
        state.processed += done->processed;
        if (state.cursor.empty()) {
            state.outcome = "ok";
            state.finishedAt = clock_.now();
            break;
        }
        if (auto saved = save(state); !saved) return std::move(saved).error();
    }
    if (auto saved = save(state); !saved) return std::move(saved).error();
    options_.onRun(state.job, state.outcome, std::chrono::duration<double>(clock_.mono() - began).count());
    return state;
}

base::Result<store::JobRun> Scheduler::runNow(std::string_view job) {
    const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const plugin::Job* item) { return item->name() == job; });
    if (found == jobs_.end()) return base::fail(Errc::NotFound, "no job is called " + std::string(job));
    return run(**found);
}

base::Result<std::vector<JobStatus>> Scheduler::status() const {
    std::vector<JobStatus> out;
    for (const auto* job : jobs_) {
        auto last = store::readJobRun(storage_, clock_, job->name());
        if (!last) return std::move(last).error();
        auto run = last->value_or(store::JobRun{});
        run.job = job->name();
        out.push_back({job->name(), job->interval(), std::move(run)});
    }
    return out;
}

}  // namespace agentidp::compliance
