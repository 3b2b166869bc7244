#include "audit/appender.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/failpoint.h"
#include "base/ids.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

using observe::Message;
using plugin::ApplyMode;
using plugin::Compare;
using plugin::Op;

constexpr std::size_t kSaltBytes = 16;
/// A write behind a tip that has moved is undone and done again; one question before it costs less.
constexpr unsigned kLookFirst = 16;
constexpr std::size_t kTalliedMost = 100'000;
constexpr std::string_view kEntries = "audit_entries";
constexpr std::string_view kReplicas = "audit_replicas";
/// Of both deadlines together, what is left to tell everybody who waits.
constexpr base::milliseconds kToAnswer{250};
constexpr std::string_view kCounts = "token_monthly_counts";

base::Error unavailable(std::string detail) {
    return base::fail(base::Errc::Unavailable, "the audit ledger cannot be written now", std::move(detail));
}

/// An answer that leaves no doubt: the storage looked at the commit and refused it.
bool isRefusal(base::Errc code) {
    switch (code) {
        case base::Errc::Unavailable:
        case base::Errc::Deadline:
        case base::Errc::Internal: return false;
        default: return true;
    }
}

bool isLostRace(base::Errc code) { return code == base::Errc::Conflict || code == base::Errc::NotFound; }

}  // namespace

struct LedgerAppender::Item {
    Effect effect;
    Continuation then;
    std::vector<PreparedEntry> entries;
    std::size_t bytes = 0;
    base::MonoInstant queuedAt;
    /// Of the last attempt that may have become durable.
    std::optional<base::Error> failed;
    std::vector<plugin::OpResult> results;
    std::uint64_t offset = 0;  ///< of its first event among the batch's
};

struct LedgerAppender::Batch {
    Items items;
    std::int64_t number = 0;
    std::uint64_t size = 0;  ///< of the tree after it
    std::uint64_t events = 0;
    bool unsure = false;  ///< an attempt may have become durable
    /// Whether something is to be read under the lock before it is known what is written.
    [[nodiscard]] bool looksFirst() const {
        return std::any_of(items.begin(), items.end(),
                           [](const auto& item) { return !item->effect.ops.empty() || (item->effect.tally && item->effect.tally->limit); });
    }
};

/// A batch's own rows, and the state that holds once they are durable.
struct LedgerAppender::Writes {
    std::vector<Op> entries, tiles, rest;
    Tip tip;
    std::optional<TileEdge> edge;
    std::int64_t batch = 0;
    std::int64_t lseq = 0;
    std::vector<std::uint64_t> tallied;
};

struct LedgerAppender::ReplicaRow {
    std::int64_t epoch = 0;
    std::int64_t batch = 0;
    std::int64_t lseq = 0;
    std::uint64_t size = 0;
};

struct LedgerAppender::Attempt {
    enum class Fate { Durable, Refused, Unknown };
    Fate fate = Fate::Durable;
    base::Error error;

    static Attempt refused(base::Error error) { return {Fate::Refused, std::move(error)}; }
    static Attempt unknown(base::Error error) { return {Fate::Unknown, std::move(error)}; }
    static Attempt ofCommit(base::Error error) { return isRefusal(error.code) ? refused(std::move(error)) : unknown(std::move(error)); }
};

namespace {

Op selectReplica(const std::string& replica) {
    return plugin::select(kReplicas, {"epoch", "batch", "lseq", "size"}, {{"replica", Compare::Eq, {replica}}});
}

std::optional<base::Error> failureOf(std::span<const plugin::OpResult> group) {
    for (const auto& result : group) {
        if (result.ok || result.skipped) continue;
        return base::fail(result.error,
                          result.error == base::Errc::NotFound ? "no such object" : "the object has changed or exists already");
    }
    return std::nullopt;
}

/// What is written of the months that a batch's limits are of; null where it has none.
template <class Items>
std::optional<Op> selectCounts(const Items& items) {
    std::set<std::int64_t> agents, months;
    for (const auto& item : items) {
        const auto& tally = item->effect.tally;
        if (!tally || !tally->limit) continue;
        agents.insert(tally->agentNum);
        months.insert(tally->month);
    }
    if (agents.empty()) return std::nullopt;
    return plugin::select(
        kCounts, {"agent_num", "month", "count"},
        {{"agent_num", Compare::In, {agents.begin(), agents.end()}}, {"month", Compare::In, {months.begin(), months.end()}}},
        static_cast<std::uint32_t>(agents.size() * months.size()));
}

/// Which of a batch's tallies their limits still admit, read under the ledger's lock: no other replica counts meanwhile.
class MonthLimits {
public:
    static base::Result<MonthLimits> of(const plugin::OpResult& rows) {
        MonthLimits limits;
        for (const auto& row : rows.rows) {
            store::RowReader reader(row);
            const auto agent = reader.integer();
            const auto month = reader.integer();
            limits.counted_[{agent, month}] = reader.integer();
            if (auto verdict = reader.verdict(kCounts); !verdict) return verdict.error();
        }
        return limits;
    }
    bool admit(const std::optional<Effect::Tally>& tally) {
        if (!tally) return true;
        auto& count = counted_[{tally->agentNum, tally->month}];
        if (tally->limit && count >= *tally->limit) return false;
        ++count;
        return true;
    }

private:
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> counted_;
};

}  // namespace

LedgerAppender::LedgerAppender(plugin::Storage& storage, const base::Clock& clock, observe::Log& log, LedgerOptions options)
    : storage_(storage),
      clock_(clock),
      log_(log),
      options_([&] {
          if (!options.pause) options.pause = [](base::milliseconds wait) { std::this_thread::sleep_for(wait); };
          return std::move(options);
      }()),
      callWithin_(options_.commitDeadline) {
    writer_.replica = options_.replica;
}

LedgerAppender::~LedgerAppender() { (void)stop(base::milliseconds(0)); }

base::Result<void> LedgerAppender::start() {
    if (options_.replica.empty() || options_.replica.size() > 64)
        return base::fail(base::Errc::Invalid, "a replica's name has 1 to 64 bytes");
    plugin::Transaction tx;
    auto read = storage_.apply(tx,
                               {plugin::mark(Op::Code::Lock, kLedgerLock), insertEmptyTip(options_.origin, clock_.now()), selectTip(),
                                selectReplica(options_.replica), plugin::select(kEntries, {"idx"}, {}, 1, {{"idx", true}})},
                               ApplyMode::Continue, call());
    if (!read) return std::move(read).error();
    const auto give = [&](base::Error error) {
        abandon(tx);
        return error;
    };
    auto tip = decodeTip(read->at(2));
    if (!tip) return give(std::move(tip).error());
    if (!tip->has_value()) return give(base::fail(base::Errc::Internal, "", "storage kept no tip"));
    tip_ = std::move(**tip);
    const auto& last = read->at(4).rows;
    const std::int64_t lastIndex = last.empty() ? -1 : store::RowReader(last.front()).integer();
    if (lastIndex + 1 != static_cast<std::int64_t>(tip_.frontier.size()))
        return give(base::fail(base::Errc::Internal, "the audit ledger is damaged",
                               "the tip says " + std::to_string(tip_.frontier.size()) + " entries, the last one found has index " +
                                   std::to_string(lastIndex)));
    if (auto edge = loadEdge(tx, tip_.frontier); !edge) return give(std::move(edge).error());
    writer_.epoch = 1;
    if (!read->at(3).rows.empty()) writer_.epoch = store::RowReader(read->at(3).rows.front()).integer() + 1;
    auto done = storage_.apply(tx,
                               {plugin::insertInto(kReplicas,
                                                   {{"replica", options_.replica},
                                                    {"epoch", writer_.epoch},
                                                    {"batch", std::int64_t{0}},
                                                    {"lseq", std::int64_t{0}},
                                                    {"size", static_cast<std::int64_t>(tip_.frontier.size())}},
                                                   Op::OnConflict::Replace)},
                               ApplyMode::Commit, call());
    // A lost answer does no harm here: the next start takes the epoch after.
    if (!done) return std::move(done).error();
    log_.write(Message::LEDGER_STARTED,
               {{"replica", options_.replica}, {"epoch", writer_.epoch}, {"size", lastIndex + 1}, {"origin", tip_.origin}});
    {
        const std::lock_guard held(mutex_);
        stats_.treeSize = tip_.frontier.size();
        phase_ = Phase::Open;
    }
    thread_ = std::thread([this] { run(); });
    return {};
}

std::optional<base::Error> LedgerAppender::refusal() {
    if (phase_ != Phase::Open) return unavailable("the ledger is not open");
    if (probing_ || (committingSince_ && clock_.mono() - *committingSince_ > options_.queueDeadline)) {
        ++stats_.refused;
        return unavailable("the batch before has not been answered in time");
    }
    if (queuedEvents_ < options_.queueEvents && queuedBytes_ < options_.queueBytes) return std::nullopt;
    ++stats_.refused;
    return base::fail(base::Errc::TooMany, "too many requests wait for the audit ledger");
}

void LedgerAppender::append(Effect effect, Continuation then) {
    std::optional<base::Error> refused;
    if (AGENTIDP_FAILPOINT("ledger.before_enqueue")) refused = unavailable("failpoint");
    if (!refused) {
        const std::lock_guard held(mutex_);
        refused = refusal();
    }
    if (!refused && !effect.ops.empty() && effect.tally && effect.tally->limit)
        refused = base::fail(base::Errc::Invalid, "", "an effect with operations has no limit");
    if (refused) return then(std::move(*refused));

    auto item = std::make_unique<Item>();
    item->effect = std::move(effect);
    item->entries.reserve(item->effect.events.size());
    for (auto& event : item->effect.events) {
        if (event.timestamp == base::Instant()) event.timestamp = clock_.now();
        if (event.eventId.empty()) event.eventId = model::EventId(base::uuidV7(event.timestamp));
        std::array<std::uint8_t, kSaltBytes> salt{};
        base::fillRandom(salt);
        item->entries.push_back(prepareEntry(event, writer_, salt));
        item->bytes += item->entries.back().text.size();
    }
    item->queuedAt = clock_.mono();
    bool enough = true;
    {
        const std::lock_guard held(mutex_);
        refused = refusal();
        if (!refused) {
            queuedEvents_ += item->entries.size();
            queuedBytes_ += item->bytes;
            item->then = std::move(then);
            queue_.push_back(std::move(item));
            const bool hurried = !queue_.back()->effect.patient;
            if (hurried) ++hurried_;
            enough = queue_.size() >= gatherAt_ || (gathersPatient_ && hurried);
        }
    }
    // NOLINTNEXTLINE(bugprone-use-after-move): it was moved only where nothing was refused
    if (refused) return then(std::move(*refused));
    if (enough) wake_.notify_one();
    (void)AGENTIDP_FAILPOINT("ledger.after_enqueue");
}

void LedgerAppender::run() {
    for (;;) {
        Items items = take();
        if (items.empty()) return;
        process(std::move(items));
        const std::lock_guard held(mutex_);
        busy_ = probing_ = false;
        behindLast_ = queue_.size();
        if (queue_.empty()) idle_.notify_all();
    }
}

LedgerAppender::Items LedgerAppender::take() {
    std::unique_lock held(mutex_);
    wake_.wait(held, [&] { return !queue_.empty() || phase_ != Phase::Open; });
    gather(held);
    Items items;
    std::size_t events = 0;
    std::size_t bytes = 0;
    while (!queue_.empty()) {
        const Item& next = *queue_.front();
        const bool fits = events + next.entries.size() <= options_.batchEvents && bytes + next.bytes <= options_.batchBytes;
        if (!items.empty() && !fits) break;
        events += next.entries.size();
        bytes += next.bytes;
        if (!next.effect.patient) --hurried_;
        items.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    queuedEvents_ -= events;
    queuedBytes_ -= bytes;
    busy_ = !items.empty();
    probing_ = busy_ && failing_;
    lastEffects_ = items.size();
    return items;
}

void LedgerAppender::gather(std::unique_lock<std::mutex>& held) {
    if (lastEffects_ < options_.gatherFrom) return;
    const std::size_t known = lastEffects_ + behindLast_;
    gathersPatient_ = hurried_ == 0;
    gatherAt_ = std::min(gathersPatient_ || lastWasSlow_ ? known : known / 2, options_.batchEvents);
    const auto most = gathersPatient_ ? options_.gatherPatient : lastWasSlow_ ? options_.gatherMost : options_.gatherMost / 3;
    wake_.wait_for(held, most, [&] { return queue_.size() >= gatherAt_ || phase_ != Phase::Open || (gathersPatient_ && hurried_ > 0); });
    gatherAt_ = 0;
    gathersPatient_ = false;
}

void LedgerAppender::process(Items items) {
    std::optional<base::Error> giveUp;
    {
        const std::lock_guard held(mutex_);
        if (phase_ == Phase::Abandoning) giveUp = unavailable("the daemon ends");
        if (stats_.halted) giveUp = stats_.halted;
    }
    const auto now = clock_.mono();
    Batch batch;
    for (auto& item : items) {
        if (giveUp || now - item->queuedAt > options_.queueDeadline) {
            auto error = giveUp ? *giveUp : base::fail(base::Errc::Deadline, "the audit ledger did not answer in time");
            {
                const std::lock_guard held(mutex_);
                ++stats_.refused;
            }
            item->then(std::move(error));
        } else {
            batch.items.push_back(std::move(item));
        }
    }
    if (batch.items.empty()) return;
    {
        const std::lock_guard held(mutex_);
        committingSince_ = clock_.mono();
    }
    const auto began = std::chrono::steady_clock::now();
    const auto outcome = commit(batch);
    callWithin_ = options_.commitDeadline;
    BatchReport report;
    const auto took = std::chrono::steady_clock::now() - began;
    lastWasSlow_ = took >= options_.slowCommit;
    report.commitSeconds = std::chrono::duration<double>(took).count();
    report.treeSize = tip_.frontier.size();
    report.events = outcome.ok() ? batch.events : 0;
    report.effects = batch.items.size();
    report.committed = outcome.ok();
    {
        const std::lock_guard held(mutex_);
        // Whoever is answered now may come again at once.
        probing_ = false;
        committingSince_.reset();
        stats_.treeSize = report.treeSize;
        stats_.events += report.events;
        ++stats_.batches;
    }
    finish(batch, outcome);
    if (report_) report_(report);
}

void LedgerAppender::finish(Batch& batch, const base::Result<void>& outcome) {
    std::vector<model::AuditEvent> events;
    events.reserve(batch.events);
    for (auto& item : batch.items)
        if (!item->failed) std::move(item->effect.events.begin(), item->effect.events.end(), std::back_inserter(events));
    if (!outcome) {
        log_.write(
            Message::LEDGER_WRITE_FAILED,
            {{"effects", batch.items.size()}, {"detail", outcome.error().detail.empty() ? outcome.error().hint : outcome.error().detail}});
        if (batch.unsure) ghost_ = Ghost{batch.number, std::move(events)};
        for (auto& item : batch.items) item->then(outcome.error());
        return;
    }
    if (!events.empty()) tellObservers(events);
    (void)AGENTIDP_FAILPOINT("ledger.before_ack");
    for (auto& item : batch.items) {
        if (item->failed)
            item->then(std::move(*item->failed));
        else
            item->then(Committed{batch.size - batch.events + item->offset, batch.size, std::move(item->results)});
    }
    (void)AGENTIDP_FAILPOINT("ledger.after_ack");
}

void LedgerAppender::tellObservers(std::span<const model::AuditEvent> events) {
    for (const auto& observer : observers_) observer(events);
}

base::Result<void> LedgerAppender::commit(Batch& batch) {
    batch.number = batch_ + 1;
    bool atOnce = !batch.looksFirst() && !ghost_ && !base::failpointsArmed() && othersWrite_ == 0;
    unsigned races = 0;
    unsigned questions = 0;
    base::milliseconds wait{50};
    const auto giveUpAt = clock_.mono() + options_.commitDeadline + options_.queueDeadline - kToAnswer;
    const auto found = [&](bool storage) {
        const std::lock_guard held(mutex_);
        failing_ = !storage;
    };
    for (;;) {
        const auto left = std::chrono::ceil<base::milliseconds>(giveUpAt - clock_.mono());
        callWithin_ = std::clamp(left, base::milliseconds(1), options_.commitDeadline);
        Attempt attempt = atOnce ? attemptAtOnce(batch) : attemptInSteps(batch);
        const bool firstTry = atOnce;
        atOnce = false;
        if (attempt.fate == Attempt::Fate::Durable) {
            found(true);
            return {};
        }
        {
            const std::lock_guard held(mutex_);
            if (stats_.halted) return *stats_.halted;
        }
        if (attempt.fate == Attempt::Fate::Unknown) {
            batch.unsure = true;
            log_.write(Message::LEDGER_OUTCOME_UNKNOWN, {{"batch", batch.number}, {"detail", attempt.error.detail}});
        }
        if (batch.unsure) {
            if (++questions > options_.unknownTries || clock_.mono() + wait >= giveUpAt) {
                found(false);
                return unavailable("whether batch " + std::to_string(batch.number) + " is durable is not known yet");
            }
            options_.pause(wait);
            wait *= 2;
        } else if (isLostRace(attempt.error.code) && races < options_.conflictTries) {
            // The first one only means that another replica wrote meanwhile, which the next attempt sees under the lock.
            ++races;
            if (!firstTry) options_.pause(base::milliseconds(5 * races + static_cast<unsigned>(batch.number % 5)));
        } else {
            found(isRefusal(attempt.error.code));
            return unavailable(attempt.error.detail.empty() ? attempt.error.hint : attempt.error.detail);
        }
    }
}

LedgerAppender::Attempt LedgerAppender::attemptAtOnce(Batch& batch) {
    batch.events = 0;
    for (auto& item : batch.items) {
        item->offset = batch.events;
        batch.events += item->entries.size();
    }
    const bool fillsTile = tip_.frontier.size() % kTileWidth + batch.events >= kTileWidth;
    if (fillsTile && !edge_) return attemptInSteps(batch);
    plugin::Transaction tx;
    return send(tx, batch, {plugin::mark(Op::Code::Lock, kLedgerLock)}, write(batch));
}

LedgerAppender::Attempt LedgerAppender::attemptInSteps(Batch& batch) {
    if (AGENTIDP_FAILPOINT("ledger.before_lock")) return Attempt::refused(unavailable("failpoint"));
    std::vector<Op> ops{plugin::mark(Op::Code::Lock, kLedgerLock), selectTip(), selectReplica(options_.replica)};
    constexpr std::size_t kOwnOps = 3;
    for (const auto& item : batch.items) {
        if (item->effect.ops.empty()) continue;
        ops.push_back(plugin::mark(Op::Code::Savepoint));
        ops.insert(ops.end(), item->effect.ops.begin(), item->effect.ops.end());
        ops.push_back(plugin::mark(Op::Code::Release));
    }
    const std::size_t counts = ops.size();
    if (auto select = selectCounts(batch.items)) ops.push_back(std::move(*select));
    plugin::Transaction tx;
    auto read = storage_.apply(tx, ops, ApplyMode::Continue, call());
    if (!read) return Attempt::refused(std::move(read).error());
    (void)AGENTIDP_FAILPOINT("ledger.after_lock");
    const auto give = [&](base::Error error) {
        abandon(tx);
        return Attempt::refused(std::move(error));
    };
    if (read->size() != ops.size()) return give(base::fail(base::Errc::Internal, "", "storage answered another number of results"));
    if (auto adopted = adopt(read->at(1)); !adopted) return give(std::move(adopted).error());
    auto durable = settle(batch, read->at(2));
    if (!durable) return give(std::move(durable).error());
    if (*durable) {
        abandon(tx);
        return {};
    }

    std::optional<MonthLimits> limits;
    if (counts < read->size()) {
        auto counted = MonthLimits::of(read->at(counts));
        if (!counted) return give(std::move(counted).error());
        limits = std::move(*counted);
    }
    std::size_t at = kOwnOps;
    batch.events = 0;
    for (auto& item : batch.items) {
        item->failed.reset();
        item->results.clear();
        item->offset = batch.events;
        if (!item->effect.ops.empty()) {
            const std::span<plugin::OpResult> group(read->data() + at + 1, item->effect.ops.size());
            item->failed = failureOf(group);
            if (!item->failed) std::move(group.begin(), group.end(), std::back_inserter(item->results));
            at += group.size() + 2;
        } else if (limits && !limits->admit(item->effect.tally)) {
            item->failed = base::fail(base::Errc::Denied, "the quota of the month is used up");
        }
        if (!item->failed) batch.events += item->entries.size();
    }
    const bool nothingHeld = std::all_of(batch.items.begin(), batch.items.end(), [](const auto& item) { return item->failed.has_value(); });
    if (nothingHeld) {
        abandon(tx);
        batch.size = tip_.frontier.size();
        return {};
    }
    if (!edge_ && tip_.frontier.size() % kTileWidth + batch.events >= kTileWidth)
        if (auto loaded = loadEdge(tx, tip_.frontier); !loaded) return give(std::move(loaded).error());
    return send(tx, batch, {}, write(batch));
}

/// Everything of ours behind `first`, and the commit. With failpoints armed each step is a call of its own, so that a process
/// can end between them.
LedgerAppender::Attempt LedgerAppender::send(plugin::Transaction& tx, const Batch& batch, std::vector<Op> first, Writes writes) {
    const auto join = [&](std::vector<Op>& more) { std::move(more.begin(), more.end(), std::back_inserter(first)); };
    if (base::failpointsArmed()) {
        struct Step {
            std::string_view before;
            std::vector<Op>* ops;
        };
        for (const Step& step : {Step{"ledger.before_insert", &writes.entries}, Step{"ledger.before_tile", &writes.tiles},
                                 Step{"ledger.before_tip", &writes.rest}}) {
            if (AGENTIDP_FAILPOINT(step.before)) {
                abandon(tx);
                return Attempt::refused(unavailable("failpoint"));
            }
            if (step.ops->empty()) continue;
            auto done = storage_.apply(tx, *step.ops, ApplyMode::Continue, call());
            if (!done) return Attempt::refused(std::move(done).error());
        }
        (void)AGENTIDP_FAILPOINT("ledger.before_commit");
        first.push_back(plugin::mark(Op::Code::Now));
    } else {
        first.reserve(first.size() + writes.entries.size() + writes.tiles.size() + writes.rest.size());
        join(writes.rest);
        join(writes.entries);
        join(writes.tiles);
    }
    auto done = storage_.apply(tx, first, ApplyMode::Commit, call());
    if (!done) return Attempt::ofCommit(std::move(done).error());
    if (AGENTIDP_FAILPOINT("ledger.after_commit")) return Attempt::unknown(unavailable("failpoint"));
    tip_ = std::move(writes.tip);
    edge_ = std::move(writes.edge);
    batch_ = batch.number;
    lseq_ = writes.lseq;
    if (tallied_.size() > kTalliedMost) tallied_.clear();
    tallied_.insert(writes.tallied.begin(), writes.tallied.end());
    return {};
}

LedgerAppender::Writes LedgerAppender::write(Batch& batch) {
    Writes writes;
    writes.tip = tip_;
    writes.edge = edge_;
    writes.lseq = lseq_;
    writes.entries.reserve(batch.events);
    std::vector<Node> completed;
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> tallies;
    for (auto& item : batch.items) {
        if (item->failed) continue;
        if (const auto& tally = item->effect.tally) ++tallies[{tally->agentNum, tally->month}];
        for (std::size_t i = 0; i < item->entries.size(); ++i) {
            const auto& event = item->effect.events[i];
            base::Bytes body = item->entries[i].finish(++writes.lseq);
            const Hash leaf = leafHash(body);
            writes.tip.chain = chainHash(item->entries[i].chainInput, writes.tip.chain);
            std::vector<plugin::Assign> row;
            row.reserve(9);
            row.push_back({"idx", static_cast<std::int64_t>(writes.tip.frontier.size())});
            row.push_back({"ts", event.timestamp});
            row.push_back({"organization_num", event.organizationNum});
            row.push_back({"agent_num", event.agentNum});
            row.push_back({"action", static_cast<std::int64_t>(event.action)});
            row.push_back({"outcome", static_cast<std::int64_t>(event.outcome)});
            row.push_back({"leaf", toBytes(leaf)});
            row.push_back({"chain_hash", toBytes(writes.tip.chain)});
            row.push_back({"body", std::move(body)});
            writes.entries.push_back(plugin::insertInto(kEntries, std::move(row)));
            completed.clear();
            writes.tip.frontier.append(leaf, &completed);
            if (writes.edge) writes.edge->append(leaf, completed);
        }
    }
    if (writes.edge)
        for (const auto& tile : writes.edge->takeChanged()) writes.tiles.push_back(writeTile(tile));
    writes.tip.root = writes.tip.frontier.root();
    writes.tip.updatedAt = clock_.now();
    batch.size = writes.tip.frontier.size();
    writes.rest.push_back(moveTip(tip_.head(), writes.tip));
    writes.rest.push_back(plugin::update(
        kReplicas, {{"batch", batch.number}, {"lseq", writes.lseq}, {"size", static_cast<std::int64_t>(batch.size)}},
        {{"replica", Compare::Eq, {options_.replica}}, {"epoch", Compare::Eq, {writer_.epoch}}, {"batch", Compare::Eq, {batch.number - 1}}},
        1));
    for (const auto& [place, count] : tallies) {
        const auto& [agentNum, month] = place;
        const std::uint64_t key = static_cast<std::uint64_t>(agentNum) * 1'000'000U + static_cast<std::uint64_t>(month);
        if (!tallied_.contains(key)) {
            writes.rest.push_back(plugin::insertInto(kCounts, {{"agent_num", agentNum}, {"month", month}, {"count", std::int64_t{0}}},
                                                     Op::OnConflict::Ignore));
            writes.tallied.push_back(key);
        }
        writes.rest.push_back(plugin::update(kCounts, {{"count", count, plugin::Assign::Mode::Add}},
                                             {{"agent_num", Compare::Eq, {agentNum}}, {"month", Compare::Eq, {month}}}));
    }
    return writes;
}

/// Takes over a tip that another process moved. One that moved backwards is a restored or forged database.
base::Result<void> LedgerAppender::adopt(const plugin::OpResult& tipRow) {
    auto read = decodeTip(tipRow);
    if (!read) return halt(std::move(read).error());
    if (!read->has_value()) return halt(base::fail(base::Errc::Unavailable, "audit rollback", "the tip of the audit ledger is gone"));
    Tip& tip = **read;
    if (tip.head() == tip_.head()) {
        tip_.origin = tip.origin;
        if (othersWrite_ > 0) --othersWrite_;
        return {};
    }
    if (tip.frontier.size() <= tip_.frontier.size())
        return halt(base::fail(base::Errc::Unavailable, "audit rollback",
                               "the tip went from " + std::to_string(tip_.frontier.size()) + " entries to " +
                                   std::to_string(tip.frontier.size()) + (tip.frontier.size() == tip_.frontier.size() ? " others" : "")));
    tip_ = std::move(tip);
    edge_.reset();
    othersWrite_ = kLookFirst;
    return {};
}

/// Under the lock, where no commit of ours can be in flight any more: learns what became of batches whose answer was lost.
/// True: `batch` itself is durable.
base::Result<bool> LedgerAppender::settle(Batch& batch, const plugin::OpResult& replicaRow) {
    ReplicaRow row;
    if (!replicaRow.rows.empty()) {
        store::RowReader reader(replicaRow.rows.front());
        row = {reader.integer(), reader.integer(), reader.integer(), static_cast<std::uint64_t>(reader.integer())};
    }
    if (row.epoch != writer_.epoch)
        return halt(base::fail(base::Errc::Unavailable, "another process writes the audit ledger under this replica's name",
                               "replica " + options_.replica + ": epoch " + std::to_string(row.epoch) + " began while " +
                                   std::to_string(writer_.epoch) + " runs"));
    if (row.batch == batch_) {
        if (ghost_ || batch.unsure) log_.write(Message::LEDGER_OUTCOME_SETTLED, {{"batch", batch_ + 1}, {"durable", false}});
        ghost_.reset();
        batch.unsure = false;
        return false;
    }
    if (row.batch != batch_ + 1 || (!ghost_ && !batch.unsure))
        return halt(base::fail(base::Errc::Unavailable, "audit rollback",
                               "batch " + std::to_string(row.batch) + " is recorded where " + std::to_string(batch_) + " was the last"));
    log_.write(Message::LEDGER_OUTCOME_SETTLED, {{"batch", row.batch}, {"durable", true}});
    batch_ = row.batch;
    lseq_ = row.lseq;
    if (ghost_) {
        tellObservers(ghost_->events);
        ghost_.reset();
        batch.number = batch_ + 1;
        batch.unsure = false;
        return false;
    }
    batch.size = row.size;
    batch.unsure = false;
    return true;
}

base::Result<void> LedgerAppender::loadEdge(plugin::Transaction& tx, const Frontier& frontier) {
    auto results = storage_.apply(tx, TileEdge::loads(frontier.size()), ApplyMode::Continue, call());
    if (!results) return std::move(results).error();
    auto edge = TileEdge::loaded(frontier.size(), *results);
    if (!edge) return std::move(edge).error();
    // Writing goes on: the tree is what the frontier says, and the verifier will name the leaf that differs.
    if (!edge->agreesWith(frontier)) log_.write(Message::LEDGER_EDGE_DAMAGED, {{"size", frontier.size()}});
    edge_ = std::move(*edge);
    return {};
}

void LedgerAppender::abandon(plugin::Transaction& tx) {
    if (tx.open()) (void)storage_.apply(tx, {}, ApplyMode::Rollback, call());
}

base::Error LedgerAppender::halt(base::Error why) {
    log_.write(Message::LEDGER_HALTED, {{"reason", why.hint}, {"detail", why.detail}});
    why.code = base::Errc::Unavailable;
    const std::lock_guard held(mutex_);
    stats_.halted = why;
    return why;
}

base::Result<void> LedgerAppender::flush(base::milliseconds within) {
    std::unique_lock held(mutex_);
    if (idle_.wait_for(held, within, [&] { return queue_.empty() && !busy_; })) return {};
    return base::fail(base::Errc::Deadline, "the audit ledger is still writing");
}

base::Result<void> LedgerAppender::stop(base::milliseconds within) {
    {
        const std::lock_guard held(mutex_);
        if (phase_ == Phase::New) phase_ = Phase::Ended;
        if (phase_ == Phase::Ended) return {};
        phase_ = Phase::Draining;
    }
    wake_.notify_all();
    auto flushed = flush(within);
    {
        const std::lock_guard held(mutex_);
        phase_ = Phase::Abandoning;
    }
    wake_.notify_all();
    thread_.join();
    const std::lock_guard held(mutex_);
    phase_ = Phase::Ended;
    return flushed;
}

LedgerStats LedgerAppender::stats() const {
    const std::lock_guard held(mutex_);
    LedgerStats stats = stats_;
    stats.waiting = queuedEvents_;
    return stats;
}

}  // namespace agentidp::audit
