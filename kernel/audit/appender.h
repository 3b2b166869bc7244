#pragma once
/// @file kernel/audit/appender.h
/// The ledger's one writer in this process: a thread that takes everything queued, commits it in one transaction, and only
/// then lets answers go. Several processes may append to one storage: the lock "audit" and the tip row put them in order.
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <vector>

#include "audit/entry.h"
#include "audit/ledger.h"
#include "audit/tiles.h"
#include "audit/tip.h"
#include "observe/log.h"

namespace agentidp::audit {

struct LedgerOptions {
    std::string replica = "main";  ///< unique among the processes that share the storage, stable across restarts; 1 to 64 bytes
    std::string origin;            ///< names a ledger that is new (C2SP tlog-checkpoint); an existing one keeps its own
    std::size_t queueEvents = 16'384;
    std::size_t queueBytes = 64U << 20U;
    std::size_t batchEvents = 1'024;
    std::size_t batchBytes = 1U << 20U;
    /// Under load (the last batch had `gatherFrom` effects or more) a batch waits for more: where a commit takes `slowCommit`, at most
    /// `gatherMost` for as many as stood in the last batch and behind it, since whoever was answered is back within moments; where
    /// it is faster, a third of that for half as many, so that the other half is worked on meanwhile.
    base::microseconds gatherMost{300};
    base::microseconds slowCommit{2'000};
    base::microseconds gatherPatient{2'000};  ///< the same bound while all that wait are patient, see Effect
    std::size_t gatherFrom = 4;
    /// How long an effect may wait before its batch begins. While one batch takes longer, new effects are refused at once; so are those
    /// that come while a batch is under way and the one before it found no storage.
    base::milliseconds queueDeadline{2'000};
    /// Of one call. A batch and all questions about it are given up after both deadlines together.
    base::milliseconds commitDeadline{5'000};
    unsigned conflictTries = 3;  ///< after a lost race (serialization failure)
    unsigned unknownTries = 5;   ///< questions about a commit whose answer was lost, before the batch is given up
    /// How the appender waits between tries; a test hands in its own. By default it sleeps.
    std::function<void(base::milliseconds)> pause;
};

/// One committed or failed batch, for metrics.
struct BatchReport {
    std::uint64_t treeSize = 0;
    std::size_t events = 0;
    std::size_t effects = 0;
    double commitSeconds = 0;
    bool committed = false;
};

struct LedgerStats {
    std::uint64_t treeSize = 0;
    std::uint64_t batches = 0;
    std::uint64_t events = 0;
    std::uint64_t refused = 0;          ///< full queue, or too long in it
    std::size_t waiting = 0;            ///< events in the queue now
    std::optional<base::Error> halted;  ///< set: the ledger will not write again before a restart
};

/// append, stats and flush: any thread. The others: the thread that owns it; observe and onBatch before start only.
class LedgerAppender final : public Ledger {
public:
    /// `storage`, `clock` and `log` outlive it.
    LedgerAppender(plugin::Storage& storage, const base::Clock& clock, observe::Log& log, LedgerOptions options);
    ~LedgerAppender() override;
    LedgerAppender(const LedgerAppender&) = delete;
    LedgerAppender& operator=(const LedgerAppender&) = delete;

    void observe(Observer observer) { observers_.push_back(std::move(observer)); }
    /// Called on the appender's thread after each batch; must not block.
    void onBatch(std::function<void(const BatchReport&)> report) { report_ = std::move(report); }

    /// Makes the ledger if there is none, takes the next epoch and starts the thread. Check for a rollback first
    /// (checkpointer.h, checkStart): this does not.
    [[nodiscard]] base::Result<void> start();

    /// An event without id or time gets both here. TooMany, and Unavailable before start and after stop, are told before append
    /// returns, on the caller's thread; everything else on the appender's.
    void append(Effect effect, Continuation then) override;

    /// Waits until everything appended before has been answered; Errc::Deadline if that takes longer.
    [[nodiscard]] base::Result<void> flush(base::milliseconds within);
    /// Takes nothing new, writes what is queued, ends the thread. What cannot be written in time is answered Unavailable and
    /// makes this Errc::Deadline. Idempotent.
    base::Result<void> stop(base::milliseconds within);

    [[nodiscard]] LedgerStats stats() const;
    [[nodiscard]] const Writer& writer() const { return writer_; }

private:
    struct Item;
    struct Batch;
    struct Writes;
    struct ReplicaRow;
    struct Attempt;
    using Items = std::vector<std::unique_ptr<Item>>;

    void run();
    Items take();
    void gather(std::unique_lock<std::mutex>& held);
    void process(Items items);
    void finish(Batch& batch, const base::Result<void>& outcome);
    base::Result<void> commit(Batch& batch);
    Attempt attemptAtOnce(Batch& batch);
    Attempt attemptInSteps(Batch& batch);
    Attempt send(plugin::Transaction& tx, const Batch& batch, std::vector<plugin::Op> first, Writes writes);
    void abandon(plugin::Transaction& tx);
    base::Result<bool> settle(Batch& batch, const plugin::OpResult& replicaRow);
    base::Result<void> adopt(const plugin::OpResult& tipRow);
    base::Result<void> loadEdge(plugin::Transaction& tx, const Frontier& frontier);
    Writes write(Batch& batch);
    [[nodiscard]] std::optional<base::Error> refusal();
    base::Error halt(base::Error why);
    void tellObservers(std::span<const model::AuditEvent> events);
    [[nodiscard]] plugin::Call call() const { return plugin::callWithin(clock_, callWithin_); }

    plugin::Storage& storage_;
    const base::Clock& clock_;
    observe::Log& log_;
    const LedgerOptions options_;
    std::vector<Observer> observers_;
    std::function<void(const BatchReport&)> report_;
    Writer writer_;
    std::thread thread_;

    /// What only the appender's thread touches after start.
    base::milliseconds callWithin_;  ///< of the next call: what is left of the batch's time
    Tip tip_;
    std::optional<TileEdge> edge_;  ///< nothing: another process moved the tip, so that it must be read when a tile fills
    unsigned othersWrite_ = 0;      ///< so many batches look at the tip before they write: another process moved it lately
    std::int64_t batch_ = 0;        ///< of the last committed batch
    std::int64_t lseq_ = 0;         ///< of the last committed event
    std::unordered_set<std::uint64_t> tallied_;
    /// A batch that was given up without knowing whether it is durable. The next one learns it under the lock.
    struct Ghost {
        std::int64_t batch = 0;
        std::vector<model::AuditEvent> events;
    };
    std::optional<Ghost> ghost_;

    enum class Phase { New, Open, Draining, Abandoning, Ended };
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable idle_;
    std::deque<std::unique_ptr<Item>> queue_;
    std::size_t queuedEvents_ = 0;
    std::size_t queuedBytes_ = 0;
    std::size_t lastEffects_ = 0;  ///< in the last batch
    std::size_t behindLast_ = 0;   ///< in the queue when it was answered
    bool lastWasSlow_ = false;     ///< its commit; of the appender's thread
    std::size_t gatherAt_ = 0;     ///< while gathering: the length of the queue that ends it
    bool gathersPatient_ = false;  ///< while gathering: anybody who is not patient ends it
    std::size_t hurried_ = 0;      ///< in the queue and not patient
    bool failing_ = false;         ///< the last batch found no storage
    bool probing_ = false;         ///< and the next one is under way
    bool busy_ = false;
    std::optional<base::MonoInstant> committingSince_;
    Phase phase_ = Phase::New;
    LedgerStats stats_;
};

}  // namespace agentidp::audit
