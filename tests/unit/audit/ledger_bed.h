#pragma once
/// @file tests/unit/audit/ledger_bed.h
/// A ledger on a storage in memory, with what the tests of this room do to it: append and wait, sign, and attack the rows.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "audit/appender.h"
#include "audit/checkpointer.h"
#include "audit/reader.h"
#include "audit/verifier.h"
#include "crypto/key.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_storage.h"

namespace agentidp::tests {

/// Remembers which messages were written. Any thread.
class MessageLog final : public observe::Log {
public:
    void write(observe::Message message, std::initializer_list<observe::Field>) override {
        const std::lock_guard held(mutex_);
        messages_.push_back(message);
    }
    [[nodiscard]] int count(observe::Message message) const {
        const std::lock_guard held(mutex_);
        return static_cast<int>(std::count(messages_.begin(), messages_.end(), message));
    }

private:
    mutable std::mutex mutex_;
    std::vector<observe::Message> messages_;
};

/// Stands before a storage and can hold a commit back, so that a queue builds up behind it, count calls, and lose answers.
class GateStorage final : public plugin::Storage {
public:
    explicit GateStorage(plugin::Storage& behind) : behind_(behind) {}
    base::Result<std::vector<plugin::OpResult>> apply(plugin::Transaction& tx, const std::vector<plugin::Op>& ops, plugin::ApplyMode mode,
                                                      const plugin::Call& call) override;
    base::Result<plugin::MigrationStatus> migrate(std::string_view schema, bool up, const plugin::Call& call) override {
        return behind_.migrate(schema, up, call);
    }
    base::Result<void> backup(const std::function<bool(base::BytesView)>& sink, const plugin::Call& call) override {
        return behind_.backup(sink, call);
    }
    base::Result<void> restore(const std::function<std::int64_t(std::span<std::uint8_t>)>& source, const plugin::Call& call) override {
        return behind_.restore(source, call);
    }
    base::Result<void> health(const plugin::Call& call) override { return behind_.health(call); }
    [[nodiscard]] std::string backend() const override { return behind_.backend(); }

    /// Commits wait until open() is called.
    void close();
    void open();
    /// Waits until a commit stands at the closed gate.
    void awaitCommit();
    /// Called before each commit of the ledger, on the appender's thread, with the gate's lock not held.
    std::function<void()> beforeCommit;
    /// Called before each read, on the reader's thread.
    std::function<void(const std::vector<plugin::Op>&)> beforeRead;
    std::atomic<int> writeCalls{0};
    std::atomic<int> commits{0};
    /// From now on, this many write calls answer Unavailable without reaching the storage.
    std::atomic<int> failWrites{0};

private:
    plugin::Storage& behind_;
    std::mutex mutex_;
    std::condition_variable moved_;
    bool closed_ = false;
    int waiting_ = 0;
};

class LedgerBed {
public:
    LedgerBed();
    ~LedgerBed();

    /// A started appender over `gate`; the options' pause does nothing unless given.
    std::unique_ptr<audit::LedgerAppender> appender(std::string replica = "a", std::function<void(audit::LedgerOptions&)> change = {});
    /// The default one, made on first use.
    audit::LedgerAppender& ledger();
    void closeLedger() { ledger_.reset(); }

    model::AuditEvent event(model::Action action = model::Action::TokenIssued);
    /// Appends and waits.
    base::Result<audit::Committed> append(audit::LedgerAppender& to, audit::Effect effect);
    /// `count` events in batches of `perEffect` events an effect, through the default ledger; fails the test if one fails.
    void fill(std::size_t count, std::size_t perEffect = 64);

    [[nodiscard]] audit::CheckpointerOptions signing();
    void checkpoint();
    [[nodiscard]] audit::Reader reader() { return audit::Reader(*storage, clock, {publicKey}); }
    [[nodiscard]] audit::Verifier verifier() { return audit::Verifier(*storage, clock, verifying()); }
    [[nodiscard]] audit::VerifierOptions verifying();
    [[nodiscard]] audit::SignedCheckpoint signHead(const audit::Head& head, const std::string& origin = "test.example/audit");

    /// What a person with the database's password can do.
    void attack(std::vector<plugin::Op> ops);
    [[nodiscard]] std::vector<plugin::Row> rowsOf(plugin::Op select);
    [[nodiscard]] base::Bytes bodyOf(std::uint64_t index);

    FakeClock clock;
    std::unique_ptr<FakeStorage> storage;
    GateStorage gate;
    MessageLog log;
    crypto::PrivateKey key;
    base::Bytes publicKey;
    std::filesystem::path folder;

private:
    std::unique_ptr<audit::LedgerAppender> ledger_;
    std::int64_t made_ = 0;
};

}  // namespace agentidp::tests
