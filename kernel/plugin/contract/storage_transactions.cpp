/// Transactions: all or nothing, groups that fail alone, snapshots beside a writer, deadlines, threads.
#include <atomic>
#include <thread>

#include "plugin/contract/storage_probe.h"

namespace agentidp::plugin::contract {

namespace {

const Op kBegin = mark(Op::Code::Savepoint);
const Op kEnd = mark(Op::Code::Release);

Op addToAmount(std::int64_t id, std::int64_t by, std::int64_t expect = 1) {
    return update("things", {{"amount", by, Assign::Mode::Add}}, {{"id", Compare::Eq, {id}}}, expect);
}

void failureUndoesTheWholeTransaction(StorageProbe& probe) {
    probe.commit({thing(1)});
    probe.refuses({thing(2), removeFrom("things", {}), thing(3), thing(3)}, base::Errc::Exists, "a transaction whose last operation fails");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>{1}, "a failed transaction left something behind");
    Transaction tx;
    auto opened = probe.store().apply(tx, {thing(2)}, ApplyMode::Continue, probe.call());
    probe.expect(opened.ok() && tx.open(), "a transaction did not stay open");
    probe.expectError(probe.store().apply(tx, {thing(1)}, ApplyMode::Continue, probe.call()), base::Errc::Exists,
                      "a second row with the same key");
    probe.expect(!tx.open(), "a failed transaction is still named");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>{1},
                 "a transaction that failed in its second call left something behind");
    probe.commit({thing(2)});
}

void rollbackLeavesNothing(StorageProbe& probe) {
    Transaction tx;
    auto opened = probe.store().apply(tx, {thing(1)}, ApplyMode::Continue, probe.call());
    probe.expect(opened.ok() && tx.open(), "a transaction did not stay open");
    const auto ended = probe.store().apply(tx, {thing(2)}, ApplyMode::Rollback, probe.call());
    probe.expect(ended.ok() && !tx.open(), "a rollback failed");
    const auto nothing = probe.store().apply(tx, {}, ApplyMode::Rollback, probe.call());
    probe.expect(nothing.ok(), "a rollback of no transaction failed");
    probe.expect(probe.read(count("things", {})).count == 0, "a rollback left something behind");
    probe.commit({thing(1)});
}

void readsItsOwnWritesBeforeCommit(StorageProbe& probe) {
    Transaction tx;
    auto first = probe.store().apply(tx, {thing(1), addToAmount(1, 1), update("things", {{"amount", 5}}, {{"id", Compare::Eq, {1}}}, 1)},
                                     ApplyMode::Continue, probe.call());
    probe.expect(first.ok() && tx.open(), "a transaction did not stay open");
    auto second = probe.store().apply(
        tx, {select("things", {"amount"}, {}), addToAmount(1, 2), select("things", {"amount"}, {}), count("things", {})}, ApplyMode::Commit,
        probe.call());
    probe.expect(second.ok() && second->size() == 4, "a transaction of two calls failed");
    if (!second.ok() || second->size() != 4) return;
    probe.expect(intAt(second->at(0), 0, 0) == 5 && intAt(second->at(2), 0, 0) == 7 && second->at(3).count == 1,
                 "a transaction does not see its own writes");
}

void groupFailsAlone(StorageProbe& probe) {
    probe.commit({thing(1)});
    const auto done = probe.commit({thing(2), kBegin, thing(3), addToAmount(1, 1, 1), thing(1), thing(4), select("things", {"id"}, {}),
                                    kEnd, thing(5), kBegin, thing(6), kEnd});
    const auto state = [&](std::size_t i) { return done[i].ok ? 'o' : done[i].skipped ? 's' : 'x'; };
    std::string states;
    for (std::size_t i = 0; i < done.size(); ++i) states += state(i);
    probe.expect(states == "ooooxssooooo", "a failing group answered " + states);
    probe.expect(done[4].error == base::Errc::Exists, "the failure inside a group has another cause");
    probe.expect(done[6].rows.empty(), "a skipped select has rows");
    const auto left = probe.ids(thingsWhere({}));
    probe.expect(left == std::vector<std::int64_t>({1, 2, 5, 6}), "a group was not undone alone: " + listed(left));
}

void groupTellsEachCause(StorageProbe& probe) {
    probe.commit({thing(1), thing(2)});
    const auto done =
        probe.commit({kBegin, addToAmount(9, 1), kEnd, kBegin, update("things", {{"name", "m"}}, {}, 1), kEnd, kBegin,
                      select("nothing", {"id"}, {}), kEnd, kBegin, insertInto("things", {{"id", 3}, {"name", Value()}}), kEnd, thing(4)});
    const std::vector<std::pair<std::size_t, base::Errc>> wanted{
        {1, base::Errc::NotFound}, {4, base::Errc::Conflict}, {7, base::Errc::Invalid}, {10, base::Errc::Invalid}};
    for (const auto& [at, code] : wanted)
        probe.expect(!done[at].ok && !done[at].skipped && done[at].error == code,
                     "operation " + std::to_string(at) + " of a group has another cause");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>({1, 2, 4}), "work did not go on behind failing groups");
    probe.expect(probe.read(count("things", {{"name", Compare::Eq, {"m"}}})).count == 0, "a failing group left an update behind");
}

void groupsFailInTheirTurn(StorageProbe& probe) {
    probe.commit({insertInto("things", {{"id", 1}, {"name", "n"}, {"amount", 0}})});
    std::vector<Op> ops;
    for (std::int64_t i = 0; i < 100; ++i) {
        ops.push_back(kBegin);
        ops.push_back(addToAmount(1, 1));
        ops.push_back(insertInto("pairs", {{"a", i / 2}, {"b", 0}, {"value", i}}));
        ops.push_back(kEnd);
    }
    const auto done = probe.commit(ops);
    int failed = 0;
    for (const auto& result : done) failed += result.ok ? 0 : 1;
    probe.expect(failed == 50, std::to_string(failed) + " of 100 groups failed, not every second");
    probe.expect(probe.ids(select("things", {"amount"}, {})) == std::vector<std::int64_t>{50},
                 "the sum is not that of the groups that held");
}

void refusesUnbalancedGroups(StorageProbe& probe) {
    probe.refuses({kBegin, thing(1)}, base::Errc::Invalid, "a group without an end");
    probe.refuses({thing(1), kEnd}, base::Errc::Invalid, "an end without a group");
    probe.refuses({kBegin, kBegin, thing(1), kEnd, kEnd}, base::Errc::Invalid, "a group within a group");
    probe.expect(probe.read(count("things", {})).count == 0, "an unbalanced group left something behind");
}

void snapshotDoesNotSeeAnOpenWriter(StorageProbe& probe) {
    probe.commit({thing(1)});
    Transaction tx;
    auto opened = probe.store().apply(tx, {thing(2), removeFrom("things", {{"id", Compare::Eq, {1}}})}, ApplyMode::Continue, probe.call());
    probe.expect(opened.ok() && tx.open(), "a transaction did not stay open");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>{1}, "a snapshot sees what is not committed");
    std::thread([&] {
        probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>{1}, "a snapshot of another thread sees what is not committed");
    }).join();
    auto committed = probe.store().apply(tx, {}, ApplyMode::Commit, probe.call());
    probe.expect(committed.ok() && !tx.open(), "a commit without operations failed");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>{2}, "a snapshot does not see what was committed");
}

void snapshotIsOneMoment(StorageProbe& probe) {
    probe.commit({insertInto("things", {{"id", 1}, {"name", "n"}, {"amount", 500}}),
                  insertInto("things", {{"id", 2}, {"name", "n"}, {"amount", 500}})});
    std::atomic<bool> stop{false};
    std::atomic<int> broken{0};
    std::thread writer([&] {
        for (int i = 0; i < 60; ++i) {
            Transaction none;
            if (!probe.store().apply(none, {addToAmount(1, -1), addToAmount(2, 1)}, ApplyMode::Commit, probe.call()).ok()) ++broken;
        }
        stop = true;
    });
    int looks = 0;
    while (!stop || looks < 20) {
        const auto seen = probe.store().read(
            {select("things", {"amount"}, {{"id", Compare::Eq, {1}}}), select("things", {"amount"}, {{"id", Compare::Eq, {2}}})},
            probe.call());
        if (!seen.ok() || seen->size() != 2 || intAt(seen->at(0), 0, 0) + intAt(seen->at(1), 0, 0) != 1'000) ++broken;
        ++looks;
    }
    writer.join();
    probe.expect(broken == 0, std::to_string(broken.load()) + " reads of two rows did not see one moment");
}

void snapshotRefusesToWrite(StorageProbe& probe) {
    probe.commit({thing(1)});
    probe.refusesToRead(thing(2), base::Errc::Invalid, "an insert into a snapshot");
    probe.refusesToRead(update("things", {{"name", "m"}}, {}), base::Errc::Invalid, "an update of a snapshot");
    probe.refusesToRead(removeFrom("things", {}), base::Errc::Invalid, "a removal from a snapshot");
    probe.refusesToRead(mark(Op::Code::Lock, "name"), base::Errc::Invalid, "a lock in a snapshot");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>{1}, "a snapshot changed something");
}

void lockAndNowAnswer(StorageProbe& probe) {
    const auto done = probe.commit({mark(Op::Code::Lock, "one"), mark(Op::Code::Now), mark(Op::Code::Lock, "two")});
    const auto* now = done[1].rows.size() == 1 && done[1].rows[0].size() == 1 ? std::get_if<base::Instant>(&done[1].rows[0][0]) : nullptr;
    probe.expect(now != nullptr, "the time is not one row of one time");
    if (now)
        probe.expect(std::chrono::abs(*now - probe.subject().clock.now()) < std::chrono::minutes(5), "the time is not that of the host");
    const OpResult read = probe.read(mark(Op::Code::Now));
    probe.expect(read.rows.size() == 1, "a snapshot does not tell the time");
    probe.refuses({mark(Op::Code::Lock, "")}, base::Errc::Invalid, "a lock without a name");
}

void pastDeadlineDoesNothing(StorageProbe& probe) {
    const Call late{probe.subject().clock.mono() - base::milliseconds(1), "late", {}};
    Transaction tx;
    probe.expectError(probe.store().apply(tx, {thing(1)}, ApplyMode::Commit, late), base::Errc::Deadline, "a write past its deadline");
    probe.expectError(probe.store().read({count("things", {})}, late), base::Errc::Deadline, "a read past its deadline");
    probe.expect(!tx.open() && probe.read(count("things", {})).count == 0, "a write past its deadline took effect");
}

void secondWriterWaitsNoLongerThanItsDeadline(StorageProbe& probe) {
    Transaction tx;
    auto opened = probe.store().apply(tx, {thing(1)}, ApplyMode::Continue, probe.call());
    probe.expect(opened.ok() && tx.open(), "a transaction did not stay open");
    std::thread second([&] {
        Transaction other;
        const auto before = std::chrono::steady_clock::now();
        probe.expectError(probe.store().apply(other, {thing(2)}, ApplyMode::Commit, probe.call(base::milliseconds(150))),
                          base::Errc::Deadline, "a second writer");
        const auto waited = std::chrono::steady_clock::now() - before;
        probe.expect(waited > base::milliseconds(100) && waited < base::seconds(2), "a second writer did not wait for its deadline");
    });
    second.join();
    auto committed = probe.store().apply(tx, {}, ApplyMode::Commit, probe.call());
    probe.expect(committed.ok(), "the first writer lost its transaction");
    probe.commit({thing(3)});
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>({1, 3}), "a writer past its deadline took effect");
}

void secondWriterGoesOnWhenTheFirstEnds(StorageProbe& probe) {
    Transaction tx;
    auto opened = probe.store().apply(tx, {thing(1)}, ApplyMode::Continue, probe.call());
    probe.expect(opened.ok() && tx.open(), "a transaction did not stay open");
    std::atomic<bool> started{false};
    bool done = false;
    std::thread second([&] {
        started = true;
        Transaction other;
        done = probe.store().apply(other, {thing(2)}, ApplyMode::Commit, probe.call()).ok();
    });
    while (!started) std::this_thread::yield();
    auto committed = probe.store().apply(tx, {}, ApplyMode::Commit, probe.call());
    second.join();
    probe.expect(committed.ok() && done, "a waiting writer did not go on");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>({1, 2}), "one of two writers was lost");
}

void eightWritersLoseNothing(StorageProbe& probe) {
    constexpr std::int64_t kThreads = 8, kEach = 25;
    probe.commit(
        {insertInto("things", {{"id", 1}, {"name", "n"}, {"amount", 0}}), insertInto("things", {{"id", 2}, {"name", "n"}, {"amount", 0}})});
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (std::int64_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) {
                Transaction tx;
                // Half of them read, then write what they read: lost updates would show.
                if (t % 2 == 0) {
                    if (!probe.store().apply(tx, {addToAmount(1, 1)}, ApplyMode::Commit, probe.call()).ok()) ++failed;
                    continue;
                }
                auto seen = probe.store().apply(tx, {mark(Op::Code::Lock, "two"), select("things", {"amount"}, {{"id", Compare::Eq, {2}}})},
                                                ApplyMode::Continue, probe.call());
                const std::int64_t amount = seen.ok() && seen->size() == 2 ? intAt(seen->at(1), 0, 0) : 0;
                if (!tx.open() || !probe.store()
                                       .apply(tx, {update("things", {{"amount", amount + 1}}, {{"id", Compare::Eq, {2}}}, 1)},
                                              ApplyMode::Commit, probe.call())
                                       .ok())
                    ++failed;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    probe.expect(failed == 0, std::to_string(failed.load()) + " of 200 increments failed");
    const auto sums = probe.ids(select("things", {"amount"}, {}, 2, {{"id"}}));
    probe.expect(sums == std::vector<std::int64_t>({kThreads / 2 * kEach, kThreads / 2 * kEach}), "increments were lost: " + listed(sums));
}

void cursorKeepsItsPlaceBesideWriters(StorageProbe& probe) {
    std::vector<Op> rows;
    for (std::int64_t id = 0; id < 400; id += 2) rows.push_back(insertInto("things", {{"id", id}, {"name", "n"}, {"kind", "k"}}));
    probe.commit(rows);
    std::atomic<int> failed{0};
    std::thread writer([&] {
        for (std::int64_t id = 1; id < 100; id += 2) {
            Transaction none;
            const std::int64_t other = 400 - id;
            if (!probe.store()
                     .apply(none, {thing(id), thing(other), removeFrom("things", {{"id", Compare::Eq, {id}}}, 1)}, ApplyMode::Commit,
                            probe.call())
                     .ok())
                ++failed;
        }
    });
    for (int round = 0; round < 10; ++round) {
        std::vector<std::int64_t> seen;
        std::vector<Value> after;
        for (int page = 0; page < 100; ++page) {
            const OpResult part = probe.read(select("things", {"id"}, {{"kind", Compare::Eq, {"k"}}}, 7, {{"id"}}, after));
            for (std::size_t row = 0; row < part.rows.size(); ++row) seen.push_back(intAt(part, row, 0));
            if (part.rows.size() < 7) break;
            after = {part.rows.back()[0]};
        }
        bool whole = seen.size() == 200;
        for (std::size_t i = 0; whole && i < seen.size(); ++i) whole = seen[i] == static_cast<std::int64_t>(i) * 2;
        probe.expect(whole, "a cursor skipped or repeated rows beside a writer");
    }
    writer.join();
    probe.expect(failed == 0, "a writer failed beside a cursor");
}

}  // namespace

void addTransactionCases(StorageCases& cases) {
    const auto add = [&](std::string name, void (*body)(StorageProbe&)) {
        cases.push_back({std::move(name), [body](StorageSubject& subject) {
                             StorageProbe probe(subject);
                             body(probe);
                             return probe.verdict();
                         }});
    };
    add("failureUndoesTheWholeTransaction", failureUndoesTheWholeTransaction);
    add("rollbackLeavesNothing", rollbackLeavesNothing);
    add("readsItsOwnWritesBeforeCommit", readsItsOwnWritesBeforeCommit);
    add("groupFailsAlone", groupFailsAlone);
    add("groupTellsEachCause", groupTellsEachCause);
    add("groupsFailInTheirTurn", groupsFailInTheirTurn);
    add("refusesUnbalancedGroups", refusesUnbalancedGroups);
    add("snapshotDoesNotSeeAnOpenWriter", snapshotDoesNotSeeAnOpenWriter);
    add("snapshotIsOneMoment", snapshotIsOneMoment);
    add("snapshotRefusesToWrite", snapshotRefusesToWrite);
    add("lockAndNowAnswer", lockAndNowAnswer);
    add("pastDeadlineDoesNothing", pastDeadlineDoesNothing);
    add("secondWriterWaitsNoLongerThanItsDeadline", secondWriterWaitsNoLongerThanItsDeadline);
    add("secondWriterGoesOnWhenTheFirstEnds", secondWriterGoesOnWhenTheFirstEnds);
    add("eightWritersLoseNothing", eightWritersLoseNothing);
    add("cursorKeepsItsPlaceBesideWriters", cursorKeepsItsPlaceBesideWriters);
}

}  // namespace agentidp::plugin::contract
