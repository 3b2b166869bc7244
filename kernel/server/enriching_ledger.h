#pragma once
/// @file kernel/server/enriching_ledger.h
/// The ledger as the rooms that write to it see it: events are enriched by hooks before they are appended. Requests that hold a session of
/// their own enrich themselves and say so (Effect::enriched); whatever else is written is enriched here, never on the ledger's own thread
/// and never on an event loop.
#include <atomic>

#include "audit/ledger.h"
#include "base/clock.h"
#include "base/thread_pool.h"
#include "server/request_hooks.h"

namespace agentidp::server {

class EnrichingLedger final : public audit::Ledger {
public:
    EnrichingLedger(audit::Ledger& ledger, const base::Clock& clock) : ledger_(ledger), clock_(clock) {}

    /// Once, before the first request; until then events pass as they are. Both outlive every append.
    void attach(const HookSettings& settings, base::ThreadPool& pool);
    /// Never blocks. Where the hook pool has no room the event is appended all the same, with ext_error.
    void append(audit::Effect effect, audit::Continuation then) override;

private:
    audit::Ledger& ledger_;
    const base::Clock& clock_;
    base::ThreadPool* pool_ = nullptr;
    std::atomic<const HookSettings*> settings_{nullptr};
};

}  // namespace agentidp::server
