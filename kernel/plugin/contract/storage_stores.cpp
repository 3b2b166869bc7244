/// Whole stores: the schema as data, copies.
#include <algorithm>
#include <cstring>

#include "plugin/contract/storage_probe.h"

namespace agentidp::plugin::contract {

namespace {

using Verdict = std::optional<std::string>;

Verdict schemaIsAppliedOnce(StorageSubject& subject) {
    StorageProbe probe(subject, StorageProbe::Start::Empty);
    const auto before = probe.store().migrate(contractSchema(), false, probe.call());
    probe.expect(before.ok() && before->current == 0 && before->wanted == 1 && before->pending.size() == 1,
                 "an empty store does not tell what is pending");
    const auto again = probe.store().migrate(contractSchema(), false, probe.call());
    probe.expect(again.ok() && again->current == 0, "asking what is pending changed the store");
    const auto first = probe.store().migrate(contractSchema(), true, probe.call());
    probe.expect(first.ok() && first->current == 1 && first->pending.empty(), "the schema was not applied");
    probe.commit({thing(1)});
    const auto second = probe.store().migrate(contractSchema(), true, probe.call());
    probe.expect(second.ok() && second->current == 1 && second->wanted == 1 && second->pending.empty(),
                 "a second migration of the same schema failed");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>{1}, "a second migration lost a row");
    return probe.verdict();
}

Verdict schemaGrowsStepByStep(StorageSubject& subject) {
    StorageProbe probe(subject);
    probe.commit({thing(1), thing(2)});
    const auto pending = probe.store().migrate(widerContractSchema(), false, probe.call());
    probe.expect(pending.ok() && pending->current == 1 && pending->wanted == 2 && pending->pending == std::vector<std::string>{"2 wider"},
                 "a new step is not pending");
    probe.migrate(widerContractSchema());
    const auto weights = probe.ids(select("things", {"weight"}, {}, 10, {{"id"}}));
    probe.expect(weights == std::vector<std::int64_t>({7, 7}), "a new column does not hold its default: " + listed(weights));
    probe.expect(probe.read(count("things", {{"color", Compare::IsNull, {}}})).count == 2, "a new column is not null");
    probe.commit({update("things", {{"color", "red"}, {"weight", 1, Assign::Mode::Add}}, {{"id", Compare::Eq, {1}}}, 1),
                  insertInto("extras", {{"id", 1}, {"word", "w"}}), insertInto("things", {{"id", 3}, {"name", "n"}, {"weight", 9}})});
    probe.refuses({update("things", {{"color", "red"}}, {{"id", Compare::Eq, {2}}})}, base::Errc::Exists,
                  "a taken value of a new unique index");
    probe.expect(probe.ids(select("things", {"weight"}, {}, 10, {{"id"}})) == std::vector<std::int64_t>({8, 7, 9}),
                 "a new column does not hold its values");
    return probe.verdict();
}

Verdict refusesAnotherSchema(StorageSubject& subject) {
    StorageProbe probe(subject);
    probe.expectError(probe.store().migrate(differingContractSchema(), true, probe.call()), base::Errc::Conflict,
                      "a schema whose first step differs");
    probe.expectError(probe.store().migrate(differingContractSchema(), false, probe.call()), base::Errc::Conflict,
                      "a question about a schema whose first step differs");
    probe.migrate(widerContractSchema());
    probe.expectError(probe.store().migrate(contractSchema(), true, probe.call()), base::Errc::Conflict, "a schema older than the store");
    probe.expectError(probe.store().migrate(R"({"steps":)", true, probe.call()), base::Errc::Invalid, "a schema that is not JSON");
    probe.expectError(probe.store().migrate(R"({"steps":[{"number":1}]})", true, probe.call()), base::Errc::Invalid,
                      "a schema without names");
    probe.commit({thing(1)});
    return probe.verdict();
}

Verdict isHealthy(StorageSubject& subject) {
    StorageProbe probe(subject);
    const auto health = probe.store().health(probe.call());
    probe.expect(health.ok(), "a store at work is not healthy: " + (health.ok() ? std::string() : StorageProbe::told(health.error())));
    probe.expect(!probe.store().backend().empty(), "the backend has no name");
    return probe.verdict();
}

base::Bytes backedUp(StorageProbe& probe) {
    base::Bytes copy;
    const auto done = probe.store().backup(
        [&](base::BytesView part) {
            copy.insert(copy.end(), part.begin(), part.end());
            return true;
        },
        probe.call());
    probe.expect(done.ok(), "a backup failed: " + (done.ok() ? std::string() : StorageProbe::told(done.error())));
    return copy;
}

base::Result<void> restored(StorageProbe& probe, const base::Bytes& copy) {
    std::size_t at = 0;
    return probe.store().restore(
        [&](std::span<std::uint8_t> out) {
            const std::size_t n = std::min({out.size(), copy.size() - at, std::size_t{50'000}});
            if (n != 0) std::memcpy(out.data(), copy.data() + at, n);
            at += n;
            return static_cast<std::int64_t>(n);
        },
        probe.call());
}

Verdict copyHoldsEverything(StorageSubject& subject) {
    StorageProbe probe(subject);
    std::vector<Op> rows;
    for (std::int64_t id = 1; id <= 500; ++id)
        rows.push_back(insertInto("things", {{"id", id},
                                             {"name", "n" + std::to_string(id)},
                                             {"data", base::Bytes(static_cast<std::size_t>(id), 7)},
                                             {"at", base::fromMicros(id)},
                                             {"flag", id % 2 == 0}}));
    probe.commit(rows);
    Transaction tx;
    auto open = probe.store().apply(tx, {thing(1'000)}, ApplyMode::Continue, probe.call());
    const base::Bytes copy = backedUp(probe);
    auto ended = probe.store().apply(tx, {}, ApplyMode::Rollback, probe.call());
    probe.expect(open.ok() && ended.ok(), "a writer failed beside a backup");

    StorageProbe other(subject, StorageProbe::Start::Empty);
    const auto back = restored(other, copy);
    probe.expect(back.ok(), "a restore failed: " + (back.ok() ? std::string() : StorageProbe::told(back.error())));
    if (!back.ok()) return probe.verdict();
    other.migrate(contractSchema());
    const Op all = select("things", {"id", "name", "data", "at", "flag"}, {}, 10'000, {{"id"}});
    const OpResult before = probe.read(all), after = other.read(all);
    other.expect(before.rows.size() == 500 && before.rows == after.rows, "the copy differs from what was copied");
    other.commit({thing(1'001)});
    probe.expect(!other.verdict(), other.verdict().value_or(""));
    return probe.verdict();
}

Verdict restoresOnlyIntoAnEmptyStore(StorageSubject& subject) {
    StorageProbe probe(subject);
    probe.commit({thing(1)});
    const base::Bytes copy = backedUp(probe);
    probe.commit({thing(2)});
    probe.expectError(restored(probe, copy), base::Errc::Conflict, "a restore into a store in use");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>({1, 2}), "a refused restore changed the store");
    return probe.verdict();
}

Verdict refusesABrokenCopy(StorageSubject& subject) {
    StorageProbe probe(subject);
    probe.commit({thing(1)});
    base::Bytes copy = backedUp(probe);
    StorageProbe other(subject, StorageProbe::Start::Empty);
    probe.expect(!restored(other, base::Bytes(1'000, 'x')).ok(), "a restore of noise succeeded");
    copy.resize(copy.size() / 2);
    probe.expect(!restored(other, copy).ok(), "a restore of half a copy succeeded");
    other.migrate(contractSchema());
    other.commit({thing(7)});
    probe.expect(!other.verdict(), other.verdict().value_or(""));
    return probe.verdict();
}

Verdict backupEndsWhereTheReceiverRefuses(StorageSubject& subject) {
    StorageProbe probe(subject);
    probe.commit({thing(1)});
    const auto done = probe.store().backup([](base::BytesView) { return false; }, probe.call());
    probe.expect(!done.ok(), "a backup that nobody took succeeded");
    probe.commit({thing(2)});
    return probe.verdict();
}

}  // namespace

void addStoreCases(StorageCases& cases) {
    cases.push_back({"schemaIsAppliedOnce", schemaIsAppliedOnce});
    cases.push_back({"schemaGrowsStepByStep", schemaGrowsStepByStep});
    cases.push_back({"refusesAnotherSchema", refusesAnotherSchema});
    cases.push_back({"isHealthy", isHealthy});
    const auto addCopying = [&](std::string name, Verdict (*body)(StorageSubject&)) {
        cases.push_back({std::move(name), [body](StorageSubject& subject) {
                             return subject.backups == StorageSubject::Backups::Absent ? Verdict() : body(subject);
                         }});
    };
    addCopying("copyHoldsEverything", copyHoldsEverything);
    addCopying("restoresOnlyIntoAnEmptyStore", restoresOnlyIntoAnEmptyStore);
    addCopying("refusesABrokenCopy", refusesABrokenCopy);
    addCopying("backupEndsWhereTheReceiverRefuses", backupEndsWhereTheReceiverRefuses);
}

}  // namespace agentidp::plugin::contract
