#include "fakes/fake_storage.h"

#include <cassert>
#include <fstream>
#include <sstream>

namespace agentidp::tests {

using base::Errc;
using base::fail;
using plugin::ApplyMode;
using plugin::Op;
using plugin::OpResult;

namespace {

OpResult failed(Errc code) {
    OpResult result;
    result.ok = false;
    result.error = code;
    return result;
}

bool balanced(const std::vector<Op>& ops) {
    bool open = false;
    for (const auto& op : ops) {
        if (op.code == Op::Code::Savepoint && std::exchange(open, true)) return false;
        if (op.code == Op::Code::Release && !std::exchange(open, false)) return false;
    }
    return !open;
}

}  // namespace

std::string schemaOfTheTree() {
    std::ifstream file(std::string(AGENTIDP_SOURCE_DIR) + "/migrations/schema.json");
    assert(file.good());
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::unique_ptr<FakeStorage> FakeStorage::migrated(const base::Clock& clock) {
    auto storage = std::make_unique<FakeStorage>(clock);
    const auto done = storage->migrate(schemaOfTheTree(), true, plugin::callWithin(clock, base::seconds(10)));
    assert(done.ok());
    static_cast<void>(done);
    return storage;
}

void FakeStorage::failNextCommit(Errc code, Outcome outcome) {
    const std::lock_guard lock(mutex_);
    failures_.emplace_back(code, outcome);
}

void FakeStorage::setDown(bool down) {
    const std::lock_guard lock(mutex_);
    down_ = down;
}

base::Result<void> FakeStorage::enter(plugin::Transaction& tx, const plugin::Call& call) {
    std::unique_lock lock(mutex_);
    if (down_) return fail(Errc::Unavailable, "the storage is down");
    // The clock may be a fake that somebody else moves, so it is asked again and again instead of being waited for.
    while (!tx.open() && writer_) {
        if (clock_.mono() >= call.deadline) return fail(Errc::Deadline, "another writer is at work");
        free_.wait_for(lock, base::milliseconds(1));
    }
    if (clock_.mono() >= call.deadline) return fail(Errc::Deadline, "past the deadline");
    if (!tx.open()) {
        writer_ = std::make_unique<Writer>(Writer{FakeChanges(tables_)});
        tx.handle = writer_.get();
    }
    return {};
}

void FakeStorage::leave(plugin::Transaction& tx) {
    const std::lock_guard lock(mutex_);
    assert(tx.handle == writer_.get());
    writer_.reset();
    tx.handle = nullptr;
    free_.notify_one();
}

OpResult FakeStorage::now() const {
    OpResult result;
    result.rows.push_back({clock_.now()});
    result.count = 1;
    return result;
}

base::Result<std::vector<OpResult>> FakeStorage::readAll(const std::vector<Op>& ops) const {
    const std::shared_lock lock(committing_);
    FakeChanges none(tables_);
    std::vector<OpResult> results;
    for (const auto& op : ops) {
        if (op.code == Op::Code::Now) {
            results.push_back(now());
            continue;
        }
        if (op.code != Op::Code::Select && op.code != Op::Code::Count) return fail(Errc::Invalid, "a snapshot is only read");
        auto result = none.run(op);
        if (!result.ok()) return std::move(result).error();
        results.push_back(std::move(*result));
    }
    return results;
}

base::Result<void> FakeStorage::finish(plugin::Transaction& tx) {
    std::optional<std::pair<Errc, Outcome>> failure;
    {
        const std::lock_guard lock(mutex_);
        if (!failures_.empty()) {
            failure = failures_.front();
            failures_.pop_front();
        }
    }
    if (!failure || failure->second == Outcome::Durable) {
        const std::unique_lock lock(committing_);
        std::move(static_cast<Writer*>(tx.handle)->changes).commitTo(tables_);
    }
    if (failure) return fail(failure->first, "the test made this commit fail");
    return {};
}

base::Result<std::vector<OpResult>> FakeStorage::apply(plugin::Transaction& tx, const std::vector<Op>& ops, ApplyMode mode,
                                                       const plugin::Call& call) {
    if (mode == ApplyMode::Rollback) {
        if (tx.open()) leave(tx);
        return std::vector<OpResult>{};
    }
    if (mode == ApplyMode::Read) {
        if (tx.open()) return fail(Errc::Invalid, "a snapshot inside a transaction");
        if (auto healthy = health(call); !healthy.ok()) return std::move(healthy).error();
        if (clock_.mono() >= call.deadline) return fail(Errc::Deadline, "past the deadline");
        return readAll(ops);
    }
    if (auto entered = enter(tx, call); !entered.ok()) {
        if (tx.open()) leave(tx);
        return std::move(entered).error();
    }
    const auto undone = [&](base::Error error) {
        leave(tx);
        return error;
    };
    if (!balanced(ops)) return undone(fail(Errc::Invalid, "a group that does not begin and end in one call"));
    FakeChanges& changes = static_cast<Writer*>(tx.handle)->changes;
    enum class Group { None, Open, Failed } group = Group::None;
    std::vector<OpResult> results;
    for (const auto& op : ops) {
        OpResult result;
        if (op.code == Op::Code::Savepoint) {
            group = Group::Open;
            changes.beginGroup();
        } else if (op.code == Op::Code::Release) {
            group = Group::None;
        } else if (group == Group::Failed) {
            result = failed(Errc::Conflict);
            result.skipped = true;
        } else if (op.code == Op::Code::Now) {
            result = now();
        } else if (op.code == Op::Code::Lock) {
            if (op.table.empty()) return undone(fail(Errc::Invalid, "a lock without a name"));
        } else if (auto ran = changes.run(op); ran.ok()) {
            result = std::move(*ran);
        } else if (group == Group::Open) {
            changes.undoGroup();
            group = Group::Failed;
            result = failed(ran.error().code);
        } else {
            return undone(std::move(ran).error());
        }
        results.push_back(std::move(result));
    }
    if (mode == ApplyMode::Continue) return results;
    auto finished = finish(tx);
    leave(tx);
    if (!finished.ok()) return std::move(finished).error();
    return results;
}

base::Result<plugin::MigrationStatus> FakeStorage::migrate(std::string_view schemaJson, bool up, const plugin::Call& call) {
    auto schema = base::json::parse(schemaJson);
    if (!schema.ok()) return std::move(schema).error();
    const auto* steps = schema->find("steps");
    if (!steps || !steps->asArray()) return fail(Errc::Invalid, "a schema without steps");
    for (const auto& step : *steps->asArray())
        if (step.intOr("number", 0) < 1 || step.textOr("name", "").empty()) return fail(Errc::Invalid, "a step without number or name");
    plugin::Transaction alone;
    if (auto entered = enter(alone, call); !entered.ok()) return std::move(entered).error();
    auto status = migrateAlone(*steps->asArray(), up);
    leave(alone);
    return status;
}

base::Result<plugin::MigrationStatus> FakeStorage::migrateAlone(const base::json::Array& steps, bool up) {
    const std::unique_lock lock(committing_);
    plugin::MigrationStatus status;
    status.wanted = static_cast<std::int64_t>(steps.size());
    if (steps_.size() > steps.size()) return fail(Errc::Conflict, "the store is newer than the schema");
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const std::string text = base::json::write(steps[i]);
        if (i < steps_.size()) {
            if (steps_[i] != text) return fail(Errc::Conflict, "a step differs from the one that was applied");
        } else if (up) {
            if (auto applied = applyStep(tables_, steps[i]); !applied.ok()) return std::move(applied).error();
            steps_.push_back(text);
        } else {
            status.pending.push_back(std::to_string(steps[i].intOr("number", 0)) + " " + steps[i].textOr("name", ""));
        }
    }
    status.current = static_cast<std::int64_t>(steps_.size());
    return status;
}

base::Result<void> FakeStorage::backup(const std::function<bool(base::BytesView)>&, const plugin::Call&) {
    return fail(Errc::Unsupported, "the fake does not copy itself");
}

base::Result<void> FakeStorage::restore(const std::function<std::int64_t(std::span<std::uint8_t>)>&, const plugin::Call&) {
    return fail(Errc::Unsupported, "the fake does not copy itself");
}

base::Result<void> FakeStorage::health(const plugin::Call&) {
    const std::lock_guard lock(mutex_);
    if (down_) return fail(Errc::Unavailable, "the storage is down");
    return {};
}

}  // namespace agentidp::tests
