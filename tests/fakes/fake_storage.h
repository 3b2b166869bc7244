#pragma once
/// @file tests/fakes/fake_storage.h
/// A storage in memory that keeps the promises of kernel/plugin/contract/storage_contract.h, but for backup and restore,
/// which are Errc::Unsupported. Any thread. Tests may make commits fail.
#include <condition_variable>
#include <deque>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fakes/fake_tables.h"
#include "plugin/storage.h"

namespace agentidp::tests {

class FakeStorage final : public plugin::Storage {
public:
    /// Empty: no table at all. `clock` outlives the storage.
    explicit FakeStorage(const base::Clock& clock) : clock_(clock) {}
    /// With migrations/schema.json of this tree applied.
    [[nodiscard]] static std::unique_ptr<FakeStorage> migrated(const base::Clock& clock);

    base::Result<std::vector<plugin::OpResult>> apply(plugin::Transaction& tx, const std::vector<plugin::Op>& ops, plugin::ApplyMode mode,
                                                      const plugin::Call& call) override;
    base::Result<plugin::MigrationStatus> migrate(std::string_view schemaJson, bool up, const plugin::Call& call) override;
    base::Result<void> backup(const std::function<bool(base::BytesView)>& sink, const plugin::Call& call) override;
    base::Result<void> restore(const std::function<std::int64_t(std::span<std::uint8_t>)>& source, const plugin::Call& call) override;
    base::Result<void> health(const plugin::Call& call) override;
    [[nodiscard]] std::string backend() const override { return "fake"; }

    enum class Outcome {
        Undone,   ///< the commit fails and nothing of it stays
        Durable,  ///< the commit fails towards the caller, and everything of it stays: the outcome was unknown
    };
    /// The next commit that would succeed fails thus; several calls queue up.
    void failNextCommit(base::Errc code, Outcome outcome = Outcome::Undone);
    /// While down every apply and health answers Unavailable.
    void setDown(bool down);

private:
    struct Writer {
        FakeChanges changes;
    };
    base::Result<void> enter(plugin::Transaction& tx, const plugin::Call& call);
    void leave(plugin::Transaction& tx);
    base::Result<std::vector<plugin::OpResult>> readAll(const std::vector<plugin::Op>& ops) const;
    base::Result<plugin::MigrationStatus> migrateAlone(const base::json::Array& steps, bool up);
    base::Result<void> finish(plugin::Transaction& tx);
    [[nodiscard]] plugin::OpResult now() const;

    const base::Clock& clock_;
    std::mutex mutex_;  ///< of writer_, failures_ and down_
    std::condition_variable free_;
    std::unique_ptr<Writer> writer_;
    std::deque<std::pair<base::Errc, Outcome>> failures_;
    bool down_ = false;
    mutable std::shared_mutex committing_;  ///< of tables_ and steps_: readers share it, a commit holds it alone
    FakeTables tables_;
    std::vector<std::string> steps_;
};

/// The text of migrations/schema.json.
[[nodiscard]] std::string schemaOfTheTree();

}  // namespace agentidp::tests
