#include "fakes/fake_ledger.h"

namespace agentidp::tests {

base::Result<std::vector<plugin::OpResult>> FakeLedger::commit(const std::vector<plugin::Op>& ops) {
    if (ops.empty()) return std::vector<plugin::OpResult>{};
    std::vector<plugin::Op> group;
    group.push_back(plugin::mark(plugin::Op::Code::Savepoint));
    group.insert(group.end(), ops.begin(), ops.end());
    group.push_back(plugin::mark(plugin::Op::Code::Release));
    plugin::Transaction tx;
    auto results = storage_.apply(tx, group, plugin::ApplyMode::Commit, plugin::callWithin(clock_, base::milliseconds(5000)));
    if (!results) return std::move(results).error();
    for (const auto& result : *results)
        if (!result.ok && !result.skipped) return base::fail(result.error, "an operation of the effect failed");
    return std::vector<plugin::OpResult>(results->begin() + 1, results->end() - 1);
}

void FakeLedger::append(audit::Effect effect, audit::Continuation then) {
    base::Result<audit::Committed> answer = base::fail(base::Errc::Unavailable, "the test says so");
    audit::Observer observer;
    {
        const std::lock_guard lock(mutex_);
        if (!failures_.empty()) {
            answer = base::fail(failures_.front(), "the test says so");
            failures_.pop_front();
        } else if (auto results = commit(effect.ops); !results) {
            answer = std::move(results).error();
        } else {
            audit::Committed committed;
            committed.firstIndex = events_.size();
            events_.insert(events_.end(), effect.events.begin(), effect.events.end());
            committed.size = events_.size();
            committed.results = std::move(*results);
            if (effect.tally) tallies_.push_back(*effect.tally);
            observer = observer_;
            if (lostAnswers_ > 0)
                --lostAnswers_;
            else
                answer = std::move(committed);
        }
    }
    if (observer) observer(effect.events);
    then(std::move(answer));
}

void FakeLedger::observeWith(audit::Observer observer) {
    const std::lock_guard lock(mutex_);
    observer_ = std::move(observer);
}

void FakeLedger::failNext(base::Errc code) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(code);
}

void FakeLedger::loseNextAnswer() {
    const std::lock_guard lock(mutex_);
    ++lostAnswers_;
}

std::vector<model::AuditEvent> FakeLedger::events() const {
    const std::lock_guard lock(mutex_);
    return events_;
}

std::vector<audit::Effect::Tally> FakeLedger::tallies() const {
    const std::lock_guard lock(mutex_);
    return tallies_;
}

}  // namespace agentidp::tests
