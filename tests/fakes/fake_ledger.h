#pragma once
/// @file tests/fakes/fake_ledger.h
/// audit::Ledger that commits each Effect at once, on the caller's thread: its ops under a savepoint of one transaction on a
/// real plugin::Storage, its events into a list. Any thread. Refuses like the real one: a failed op undoes that Effect.
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "audit/ledger.h"
#include "base/clock.h"

namespace agentidp::tests {

class FakeLedger final : public audit::Ledger {
public:
    /// Both outlive the ledger.
    FakeLedger(plugin::Storage& storage, const base::Clock& clock) : storage_(storage), clock_(clock) {}

    void append(audit::Effect effect, audit::Continuation then) override;

    /// Called after each commit, before its continuation.
    void observeWith(audit::Observer observer);
    /// The next Effect fails thus, undone; several calls queue up.
    void failNext(base::Errc code);
    /// The next Effect commits, and its continuation is told Unavailable: the caller cannot know.
    void loseNextAnswer();
    [[nodiscard]] std::vector<model::AuditEvent> events() const;
    [[nodiscard]] std::vector<audit::Effect::Tally> tallies() const;

private:
    base::Result<std::vector<plugin::OpResult>> commit(const std::vector<plugin::Op>& ops);

    plugin::Storage& storage_;
    const base::Clock& clock_;
    mutable std::mutex mutex_;
    std::vector<model::AuditEvent> events_;
    std::vector<audit::Effect::Tally> tallies_;
    std::deque<base::Errc> failures_;
    std::size_t lostAnswers_ = 0;
    audit::Observer observer_;
};

}  // namespace agentidp::tests
