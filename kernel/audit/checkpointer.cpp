#include "audit/checkpointer.h"

#include <limits>

#include "audit/tiles.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "store/leases.h"
#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

using observe::Message;
using plugin::Compare;

constexpr base::seconds kLeaseLength{15};
constexpr std::string_view kLease = "audit.checkpoint";
constexpr std::string_view kTable = "audit_checkpoints";
constexpr std::chrono::hours kKeepAll{24};

base::Error rollback(std::string detail) { return base::fail(base::Errc::Conflict, "audit rollback", std::move(detail)); }

std::string sizes(const Head& head, std::uint64_t tree) {
    return "a checkpoint of " + std::to_string(head.size) + " entries exists, the ledger has " + std::to_string(tree);
}

/// Proves that the tree in storage, whose head is `tip`, extends `old`.
base::Result<void> extends(plugin::Storage& storage, const base::Clock& clock, const Head& old, const Head& tip) {
    if (old.size > tip.size) return rollback(sizes(old, tip.size));
    if (old.size == 0) return {};
    TileReader reader(storage, clock);
    auto proof = consistencyProof(reader, old.size, tip.size);
    if (!proof && proof.error().code != base::Errc::NotFound && proof.error().code != base::Errc::Internal) return std::move(proof).error();
    if (!proof || !verifyConsistency(old, tip, *proof))
        return rollback("the ledger of " + std::to_string(tip.size) + " entries does not extend the checkpoint of " +
                        std::to_string(old.size));
    return {};
}

}  // namespace

Checkpointer::Checkpointer(plugin::Storage& storage, const base::Clock& clock, observe::Log& log, CheckpointerOptions options)
    : storage_(storage), clock_(clock), log_(log), options_(std::move(options)), signedAt_(clock.mono()) {}

LedgerKeys Checkpointer::keys() const {
    LedgerKeys keys = options_.formerKeys;
    keys.push_back(options_.publicKey);
    return keys;
}

void Checkpointer::note(std::uint64_t signedSize, std::uint64_t treeSize) {
    auto held = shared_.lock();
    held->signedSize = signedSize;
    if (signedSize >= treeSize)
        held->grownSince.reset();
    else if (!held->grownSince)
        held->grownSince = clock_.mono();
}

CheckpointStats Checkpointer::stats() {
    auto held = shared_.lock();
    CheckpointStats stats{held->signedSize, 0, held->refused};
    if (held->grownSince) stats.unanchoredSeconds = std::chrono::duration<double>(clock_.mono() - *held->grownSince).count();
    return stats;
}

base::Result<void> Checkpointer::tick() {
    const std::lock_guard held(turn_);
    if (!everThinned_ || clock_.mono() - thinnedAt_ >= std::chrono::hours(1)) {
        if (auto thinned = thinOut(); !thinned)
            log_.write(Message::LEDGER_CHECKPOINT_FAILED, {{"step", "thin"}, {"detail", thinned.error().detail}});
        thinnedAt_ = clock_.mono();
        everThinned_ = true;
    }
    if (unwritten_) (void)anchor(*unwritten_);
    auto tip = readTip(storage_, clock_);
    if (!tip && tip.error().code == base::Errc::NotFound) return {};
    if (!tip) return std::move(tip).error();
    const std::uint64_t known = last_ && last_->checkpoint.origin == tip->origin ? last_->checkpoint.head.size : 0;
    note(known, tip->frontier.size());
    if (tip->frontier.size() == known && (!last_ || last_->checkpoint.head.root == tip->root)) return {};
    if (clock_.mono() - signedAt_ < options_.interval) return {};
    signedAt_ = clock_.mono();
    auto lease = store::takeLease(storage_, clock_, std::string(kLease), options_.holder, kLeaseLength);
    if (!lease) return std::move(lease).error();
    if (*lease == store::LeaseOutcome::Held) return signTree(tip->origin);
    auto stored = readLastCheckpoint(storage_, clock_, tip->origin, keys());
    if (stored && *stored) note((*stored)->checkpoint.head.size, tip->frontier.size());
    return {};
}

base::Result<void> Checkpointer::signNow() {
    const std::lock_guard held(turn_);
    auto tip = readTip(storage_, clock_);
    if (!tip) return std::move(tip).error();
    return signTree(tip->origin);
}

base::Result<void> Checkpointer::mayFollow(const Tip& tip, const std::optional<SignedCheckpoint>& last) {
    base::Result<void> verdict;
    if (last)
        verdict = extends(storage_, clock_, last->checkpoint.head, tip.head());
    else if (TileReader reader(storage_, clock_); true) {
        auto root = rootAt(reader, tip.frontier.size());
        if (!root || *root != tip.root) verdict = rollback("the stored tiles do not give the tip's root");
    }
    if (verdict || verdict.error().code != base::Errc::Conflict) return verdict;
    log_.write(Message::LEDGER_CHECKPOINT_REFUSED, {{"detail", verdict.error().detail}});
    shared_.lock()->refused = verdict.error();
    return verdict;
}

base::Result<void> Checkpointer::signTree(const std::string& origin) {
    if (last_ && last_->checkpoint.origin != origin) last_.reset();
    auto stored = readLastCheckpoint(storage_, clock_, origin, keys());
    if (!stored) {
        if (stored.error().code == base::Errc::Denied || stored.error().code == base::Errc::Invalid)
            return rollback("the stored checkpoint is not one of this ledger's: " + stored.error().hint);
        return std::move(stored).error();
    }
    // The tree behind the checkpoints it is held against: another replica may sign a larger one at any time.
    auto read = readTip(storage_, clock_);
    if (!read) return std::move(read).error();
    const Tip& tip = *read;
    if (tip.origin != origin) return base::fail(base::Errc::Unavailable, "the ledger was given another name meanwhile");
    const std::uint64_t size = tip.frontier.size();
    if (size == 0) return {};
    // Both must be extended: storage may have been rewound behind what this process signed itself.
    for (const auto* last : {&last_, &*stored})
        if (auto verdict = mayFollow(tip, *last); !verdict) return verdict;
    shared_.lock()->refused.reset();
    if (*stored && (*stored)->checkpoint.head.size == size) {
        if (!last_ || last_->checkpoint.head.size < size) unwritten_ = *stored;
        last_ = std::move(*stored);
        note(size, size);
        return unwritten_ ? anchor(*unwritten_) : base::Result<void>();
    }
    (void)AGENTIDP_FAILPOINT("ledger.before_sign");
    auto made = signCheckpoint({tip.origin, tip.head()}, options_.publicKey, options_.sign);
    if (!made) {
        log_.write(Message::LEDGER_CHECKPOINT_FAILED, {{"step", "sign"}, {"detail", made.error().detail}});
        return std::move(made).error();
    }
    plugin::Transaction tx;
    auto kept = storage_.apply(tx, {insertCheckpoint(*made, clock_.now())}, plugin::ApplyMode::Commit,
                               plugin::callWithin(clock_, store::kReadDeadline));
    if (!kept) {
        log_.write(Message::LEDGER_CHECKPOINT_FAILED, {{"step", "store"}, {"detail", kept.error().detail}});
        return std::move(kept).error();
    }
    (void)AGENTIDP_FAILPOINT("ledger.before_anchor");
    last_ = *made;
    unwritten_ = std::move(*made);
    note(size, size);
    return anchor(*unwritten_);
}

base::Result<void> Checkpointer::anchor(const SignedCheckpoint& checkpoint) {
    for (const auto& place : options_.anchors) {
        auto written = writeAnchor(place, checkpoint, clock_.now());
        if (written) continue;
        log_.write(Message::LEDGER_CHECKPOINT_FAILED, {{"step", "anchor"}, {"detail", written.error().detail}});
        return written;
    }
    unwritten_.reset();
    return {};
}

base::Result<void> Checkpointer::thin() {
    const std::lock_guard held(turn_);
    return thinOut();
}

base::Result<void> Checkpointer::thinOut() {
    constexpr std::uint32_t kPage = 5'000;
    const base::Instant until = std::chrono::floor<std::chrono::hours>(clock_.now() - kKeepAll);
    base::Instant from = everThinned_ ? until - std::chrono::hours(48) : base::Instant();
    base::Instant keptHour = base::Instant::min();
    for (;;) {
        auto page = storage_.read({plugin::select(kTable, {"created_at", "origin", "size"},
                                                  {{"created_at", Compare::Ge, {from}}, {"created_at", Compare::Lt, {until}}}, kPage,
                                                  {{"created_at"}, {"size"}})},
                                  plugin::callWithin(clock_, store::kReadDeadline));
        if (!page) return std::move(page).error();
        std::vector<plugin::Op> removals;
        for (const auto& stored : page->front().rows) {
            store::RowReader row(stored);
            const base::Instant at = row.time();
            const std::string origin = row.text();
            const std::int64_t size = row.integer();
            if (auto shape = row.verdict(kTable); !shape) return shape;
            const base::Instant hour = std::chrono::floor<std::chrono::hours>(at);
            if (hour == keptHour)
                removals.push_back(plugin::removeFrom(kTable, {{"origin", Compare::Eq, {origin}}, {"size", Compare::Eq, {size}}}));
            keptHour = hour;
            from = at;
        }
        if (!removals.empty()) {
            plugin::Transaction tx;
            auto done = storage_.apply(tx, removals, plugin::ApplyMode::Commit, plugin::callWithin(clock_, store::kReadDeadline));
            if (!done) return std::move(done).error();
        }
        if (page->front().rows.size() < kPage) return {};
        from += base::microseconds(1);
    }
}

base::Result<void> checkStart(plugin::Storage& storage, const base::Clock& clock, const std::vector<AnchorFolder>& anchors,
                              const LedgerKeys& keys) {
    auto notes = readAnchors(anchors);
    if (!notes) return std::move(notes).error();
    auto tip = readTip(storage, clock);
    if (!tip) {
        if (tip.error().code == base::Errc::Internal) return rollback(tip.error().detail);
        if (tip.error().code != base::Errc::NotFound) return std::move(tip).error();
        if (notes->empty()) return {};
        return rollback(notes->front().path + " remembers a ledger, the storage has none");
    }
    auto stored = storage.read({selectNotes(tip->origin, 0, std::numeric_limits<std::uint64_t>::max(), 1)},
                               plugin::callWithin(clock, store::kReadDeadline));
    if (!stored) return std::move(stored).error();
    auto texts = decodeNotes(stored->front());
    if (!texts) return std::move(texts).error();
    for (auto& text : *texts) notes->push_back({"the storage's last checkpoint", std::move(text)});
    // Again, behind them all: another replica may have grown the ledger and signed it meanwhile.
    tip = readTip(storage, clock);
    if (!tip) return std::move(tip).error();
    for (const auto& [path, text] : *notes) {
        auto opened = openCheckpoint(text, keys);
        if (!opened) return rollback(path + " is no checkpoint by this ledger's key: " + opened.error().hint);
        const auto& checkpoint = opened->checkpoint;
        switch (compareOrigin(checkpoint.origin, tip->origin)) {
            case OriginOrder::Earlier: continue;
            case OriginOrder::Foreign: return rollback(path + " is of another ledger, " + checkpoint.origin + "; this is " + tip->origin);
            case OriginOrder::Later:
                return rollback(path + " is of " + checkpoint.origin + ", which the stored ledger does not know of yet");
            case OriginOrder::Same: break;
        }
        if (auto verdict = extends(storage, clock, checkpoint.head, tip->head()); !verdict) {
            auto error = std::move(verdict).error();
            error.detail = path + ": " + error.detail;
            return error;
        }
    }
    return {};
}

base::Result<Effect> openOrigin(plugin::Storage& storage, const base::Clock& clock, const std::string& actor, const std::string& lastNote) {
    auto tip = readTip(storage, clock);
    if (!tip) return std::move(tip).error();
    const std::string next = nextOrigin(tip->origin);
    Effect effect;
    effect.ops.push_back(plugin::update("audit_tip", {{"origin", next}},
                                        {{"id", Compare::Eq, {std::int64_t{1}}}, {"origin", Compare::Eq, {tip->origin}}}, 1));
    model::AuditEvent event;
    event.action = model::Action::AuditOriginOpened;
    event.actor = actor;
    event.timestamp = clock.now();
    event.metadataJson.clear();
    base::json::Writer(event.metadataJson)
        .beginObject()
        .key("checkpoint")
        .text(lastNote)
        .key("origin")
        .text(next)
        .key("previousOrigin")
        .text(tip->origin)
        .key("size")
        .number(static_cast<std::int64_t>(tip->frontier.size()))
        .endObject();
    effect.events.push_back(std::move(event));
    return effect;
}

}  // namespace agentidp::audit
