#include "ledger_bed.h"

#include <cppunit/TestAssert.h>
#include <stdlib.h>

#include "base/ids.h"

namespace agentidp::tests {

using plugin::ApplyMode;

base::Result<std::vector<plugin::OpResult>> GateStorage::apply(plugin::Transaction& tx, const std::vector<plugin::Op>& ops, ApplyMode mode,
                                                               const plugin::Call& call) {
    if (mode == ApplyMode::Commit || mode == ApplyMode::Continue) {
        ++writeCalls;
        if (failWrites > 0) {
            --failWrites;
            if (tx.open()) (void)behind_.apply(tx, {}, ApplyMode::Rollback, call);
            return base::fail(base::Errc::Unavailable, "the test took the storage away");
        }
    }
    if (mode == ApplyMode::Read && beforeRead) beforeRead(ops);
    if (mode == ApplyMode::Commit) {
        ++commits;
        if (beforeCommit) beforeCommit();
        std::unique_lock held(mutex_);
        ++waiting_;
        moved_.notify_all();
        moved_.wait(held, [&] { return !closed_; });
        --waiting_;
    }
    return behind_.apply(tx, ops, mode, call);
}

void GateStorage::close() {
    const std::lock_guard held(mutex_);
    closed_ = true;
}

void GateStorage::open() {
    const std::lock_guard held(mutex_);
    closed_ = false;
    moved_.notify_all();
}

void GateStorage::awaitCommit() {
    std::unique_lock held(mutex_);
    moved_.wait(held, [&] { return waiting_ > 0; });
}

LedgerBed::LedgerBed()
    : storage(FakeStorage::migrated(clock)),
      gate(*storage),
      key(*crypto::PrivateKey::ed25519FromSeed(base::Bytes(32, 9))),
      publicKey(key.publicKey().members().x) {
    std::string pattern = (std::filesystem::temp_directory_path() / "agentidp-audit-XXXXXX").string();
    CPPUNIT_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
}

LedgerBed::~LedgerBed() {
    gate.open();
    ledger_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
}

std::unique_ptr<audit::LedgerAppender> LedgerBed::appender(std::string replica, std::function<void(audit::LedgerOptions&)> change) {
    audit::LedgerOptions options;
    options.replica = std::move(replica);
    options.origin = "test.example/audit";
    options.pause = [](base::milliseconds) {};
    if (change) change(options);
    return std::make_unique<audit::LedgerAppender>(gate, clock, log, std::move(options));
}

audit::LedgerAppender& LedgerBed::ledger() {
    if (!ledger_) {
        ledger_ = appender();
        const auto started = ledger_->start();
        CPPUNIT_ASSERT_MESSAGE(started ? "" : started.error().hint + started.error().detail, started.ok());
    }
    return *ledger_;
}

model::AuditEvent LedgerBed::event(model::Action action) {
    model::AuditEvent event;
    clock.advance(base::milliseconds(1));
    event.timestamp = clock.now();
    event.eventId = model::EventId(base::uuidV7(event.timestamp));
    event.action = action;
    event.agentNum = 1 + made_ % 3;
    event.agentId = model::AgentId("0190a3c2-0000-7000-8000-00000000000" + std::to_string(event.agentNum));
    event.organizationNum = 1 + made_ % 2;
    event.organizationId = model::OrganizationId("0190a3c2-0000-7000-8000-0000000000a" + std::to_string(event.organizationNum));
    event.actor = event.agentId.str();
    event.ip = "192.0.2.1";
    event.userAgent = "test/1";
    event.jti = "jti-" + std::to_string(made_);
    event.metadataJson = R"({"n":)" + std::to_string(made_) + "}";
    ++made_;
    return event;
}

base::Result<audit::Committed> LedgerBed::append(audit::LedgerAppender& to, audit::Effect effect) {
    std::promise<base::Result<audit::Committed>> answer;
    auto future = answer.get_future();
    to.append(std::move(effect), [&](base::Result<audit::Committed> result) { answer.set_value(std::move(result)); });
    return future.get();
}

void LedgerBed::fill(std::size_t count, std::size_t perEffect) {
    while (count > 0) {
        audit::Effect effect;
        for (std::size_t i = 0; i < std::min(count, perEffect); ++i) effect.events.push_back(event());
        count -= effect.events.size();
        const auto done = append(ledger(), std::move(effect));
        CPPUNIT_ASSERT_MESSAGE(done ? "" : done.error().hint + ": " + done.error().detail, done.ok());
    }
}

audit::CheckpointerOptions LedgerBed::signing() {
    audit::CheckpointerOptions options;
    options.holder = "a";
    options.publicKey = publicKey;
    options.sign = [this](base::BytesView data) { return key.sign(crypto::Algorithm::EdDsa, data); };
    options.anchors = {{folder / "state", audit::AnchorFolder::Keeps::Latest}, {folder / "anchor", audit::AnchorFolder::Keeps::Hourly}};
    return options;
}

void LedgerBed::checkpoint() {
    audit::Checkpointer checkpointer(*storage, clock, log, signing());
    const auto done = checkpointer.signNow();
    CPPUNIT_ASSERT_MESSAGE(done ? "" : done.error().hint + ": " + done.error().detail, done.ok());
}

audit::VerifierOptions LedgerBed::verifying() {
    audit::VerifierOptions options;
    options.keys = {publicKey};
    options.anchors = signing().anchors;
    return options;
}

audit::SignedCheckpoint LedgerBed::signHead(const audit::Head& head, const std::string& origin) {
    return *audit::signCheckpoint({origin, head}, publicKey, signing().sign);
}

void LedgerBed::attack(std::vector<plugin::Op> ops) {
    plugin::Transaction tx;
    const auto done = storage->apply(tx, ops, ApplyMode::Commit, plugin::callWithin(clock, base::seconds(5)));
    CPPUNIT_ASSERT_MESSAGE(done ? "" : done.error().hint + ": " + done.error().detail, done.ok());
}

std::vector<plugin::Row> LedgerBed::rowsOf(plugin::Op select) {
    auto result = storage->read({std::move(select)}, plugin::callWithin(clock, base::seconds(5)));
    CPPUNIT_ASSERT(result.ok());
    return std::move(result->front().rows);
}

base::Bytes LedgerBed::bodyOf(std::uint64_t index) {
    const auto rows = rowsOf(plugin::select("audit_entries", {"body"}, {{"idx", plugin::Compare::Eq, {static_cast<std::int64_t>(index)}}}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rows.size());
    return std::get<base::Bytes>(rows.front().front());
}

}  // namespace agentidp::tests
