#pragma once
/// @file kernel/plugin/workers.h
/// Threads on which calls into one blocking plugin run, so that the host can stop waiting for any of them.
///
/// Why always a second thread, for the ledger's writer too: a caller that is itself inside the plugin cannot be called back, so a
/// hanging backend would hold every answer that waits for the batch. A call costs two thread switches, measured at 7 to 10 us a call
/// (tests/bench/plugin_call), once a batch and not once a token: about 1 us of a token's budget at batches of ten.
///
/// Calls that outlive their deadline are lost: their thread is not waited for any more. Four lost calls wedge the plugin: every
/// further call fails at once until one comes back. With one worker (a plugin that is not AIP_F_CONCURRENT) a lost call holds the
/// instance, so the first one wedges it.
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "plugin/frame.h"

namespace agentidp::plugin {

class Workers {
public:
    enum class Event { Lost, CameBack, Wedged };
    /// Called when a call is lost or comes back, with the number that are out; on the caller's thread or the worker's.
    using Tell = std::function<void(Event event, std::size_t lost)>;
    static constexpr std::size_t kMaxLost = 4;

    /// `name` shows in `top -H`. Threads start when they are needed and then stay.
    Workers(std::string name, std::size_t most, Tell tell);
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    /// Joins the idle threads; lost ones are left behind, with what they hold.
    ~Workers();

    /// One thread for several calls in a row: a write transaction begins and ends on the same. Empty: any thread.
    class Lease {
    public:
        [[nodiscard]] bool held() const { return worker_ != nullptr; }

    private:
        friend class Workers;
        void* worker_ = nullptr;
    };
    /// Runs `frame->body` on a worker and waits for it, at most `within`, the wait for a free worker included. With a lease it runs on
    /// that thread. Answers the body's status; Errc::Deadline when the call was lost (the lease is gone then) or no worker was free
    /// in time, Errc::Unavailable when the plugin is wedged. The thread stays in `lease` until release().
    base::Result<aip_status> run(const std::shared_ptr<Frame>& frame, base::nanoseconds within, Lease& lease);
    /// Gives the thread of a lease back, once nothing is open on it. An empty lease is left alone.
    void release(Lease& lease);

    [[nodiscard]] std::size_t lost() const;
    [[nodiscard]] bool wedged() const;

private:
    struct Worker;
    struct State;
    static void work(const std::shared_ptr<State>& state, const std::shared_ptr<Worker>& worker);
    base::Result<void*> acquire(base::nanoseconds within);

    std::shared_ptr<State> state_;
};

}  // namespace agentidp::plugin
