#include "audit/verifier.h"

#include <algorithm>
#include <limits>

#include "base/ids.h"
#include "base/json.h"
#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

using plugin::Compare;

constexpr std::string_view kEntries = "audit_entries";
constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();

std::uint64_t tileStart(std::uint64_t index) { return index / kTileWidth * kTileWidth; }

std::uint64_t randomNumber() {
    std::array<std::uint8_t, 8> bytes{};
    base::fillRandom(bytes);
    std::uint64_t number = 0;
    for (const auto byte : bytes) number = number << 8U | byte;
    return number;
}

/// Damage that makes the chain or the order of writers break as a consequence.
bool breaksChain(Damage damage) {
    switch (damage) {
        case Damage::Swapped:
        case Damage::Inserted:
        case Damage::MiddleDeleted:
        case Damage::TailDeleted:
        case Damage::BodyAndLeafEdited:
        case Damage::SuffixRewritten: return true;
        default: return false;
    }
}

}  // namespace

/// A checkpoint, where it was found, and whether the stored tree agrees with it.
struct Verifier::Note {
    enum class Source { Storage, Anchor, Memory };
    Source source = Source::Storage;
    std::string where;
    std::optional<SignedCheckpoint> checkpoint;  ///< nothing: what this process verified itself
    Head head;
    std::optional<bool> agrees;
};

struct Verifier::Pass {
    Tip tip;
    std::optional<Hash> behindTip;  ///< the leaf of a row that the tip does not count
    std::optional<std::map<std::int64_t, base::Instant>> retainedFrom;
    std::vector<Note> notes;
    std::unique_ptr<VerifyScan> scan;
    WriterTrail trail;
    Frontier base;          ///< before the unfinished tile
    WriterTrail baseTrail;  ///< as it stood there
    Frontier fold;
    VerifyReport report;
    void add(Damage damage, std::uint64_t index, std::string detail) { report.findings.push_back({damage, index, std::move(detail)}); }
};

Verifier::Verifier(plugin::Storage& storage, const base::Clock& clock, VerifierOptions options)
    : storage_(storage), clock_(clock), options_([&] {
          if (!options.random) options.random = randomNumber;
          return std::move(options);
      }()) {}

base::Result<VerifyReport> Verifier::verify(VerifyMode mode) {
    static_assert(VerifyMode::Incremental < VerifyMode::Sampled && VerifyMode::Sampled < VerifyMode::Full);
    std::uint64_t asked = 0;
    {
        const std::lock_guard held(counters_);
        asked = started_;
    }
    const std::lock_guard running(mutex_);
    {
        const std::lock_guard held(counters_);
        if (last_ && finished_ > asked && lastMode_ >= mode) return *last_;
        ++started_;
    }
    auto report = verifyAlone(mode);
    const std::lock_guard held(counters_);
    finished_ = started_;
    lastMode_ = mode;
    last_.reset();
    if (report) last_ = *report;
    return report;
}

base::Result<void> Verifier::collectNotes(Pass& pass, VerifyMode mode) {
    const auto take = [&](Note::Source source, std::string where, const std::string& text) {
        auto opened = openCheckpoint(text, options_.keys);
        if (!opened) {
            pass.add(Damage::CheckpointForged, 0, where + ": " + opened.error().hint);
            return;
        }
        const auto& checkpoint = opened->checkpoint;
        switch (compareOrigin(checkpoint.origin, pass.tip.origin)) {
            case OriginOrder::Earlier: return;
            case OriginOrder::Foreign: pass.add(Damage::CheckpointForged, 0, where + " is of another ledger, " + checkpoint.origin); return;
            case OriginOrder::Later:
                pass.add(Damage::RolledBack, pass.tip.frontier.size(),
                         where + " is of " + checkpoint.origin + ", which the storage does not know");
                return;
            case OriginOrder::Same: break;
        }
        const Head head = checkpoint.head;
        pass.notes.push_back({source, std::move(where), std::move(*opened), head, std::nullopt});
    };
    constexpr std::uint32_t kPage = 5'000;
    std::uint64_t until = kAll;
    for (;;) {
        const std::uint32_t limit = mode == VerifyMode::Full ? kPage : 1;
        auto results = storage_.read({selectNotes(pass.tip.origin, 0, until, limit)}, plugin::callWithin(clock_, store::kReadDeadline));
        if (!results) return std::move(results).error();
        auto texts = decodeNotes(results->front());
        if (!texts) return std::move(texts).error();
        for (const auto& text : *texts) {
            take(Note::Source::Storage, "a stored checkpoint", text);
            const auto note = parseNote(text);
            const auto size = note ? Checkpoint::parse(note->text) : base::Result<Checkpoint>(base::Error{});
            until = size ? std::min(until, size->head.size) : until;
        }
        // A page whose last note cannot be read has no place to go on from; it is damage already.
        if (texts->size() < limit || mode != VerifyMode::Full || pass.report.findings.size() > kPage) break;
    }
    auto anchors = readAnchors(options_.anchors);
    if (!anchors) return std::move(anchors).error();
    for (const auto& anchor : *anchors) take(Note::Source::Anchor, anchor.path, anchor.note);
    if (memory_ && memory_->origin == pass.tip.origin) {
        pass.notes.push_back({Note::Source::Memory, "the last pass of this verifier", std::nullopt, memory_->head, std::nullopt});
        if (memory_->checkpoint)
            pass.notes.push_back({Note::Source::Memory, "a checkpoint seen before", memory_->checkpoint,
                                  memory_->checkpoint->checkpoint.head, std::nullopt});
    }
    std::sort(pass.notes.begin(), pass.notes.end(), [](const Note& a, const Note& b) { return a.head.size < b.head.size; });
    return {};
}

base::Result<Frontier> Verifier::base(Pass& pass, VerifyMode mode) {
    pass.trail.fromStart = true;
    if (mode == VerifyMode::Full) return Frontier();
    const std::uint64_t size = pass.tip.frontier.size();
    if (memory_ && memory_->origin == pass.tip.origin && memory_->head.size <= size) {
        pass.trail = memory_->trail;
        return memory_->base;
    }
    // A start after a restart: what the newest checkpoint signs needs no second look, if the stored tiles give its root.
    TileReader reader(storage_, clock_);
    for (auto note = pass.notes.rbegin(); note != pass.notes.rend(); ++note) {
        if (!note->checkpoint || note->head.size > size) continue;
        auto root = rootAt(reader, note->head.size);
        if (!root && root.error().code == base::Errc::Unavailable) return std::move(root).error();
        if (!root || *root != note->head.root) break;
        pass.trail.fromStart = tileStart(note->head.size) == 0;
        return frontierAt(reader, tileStart(note->head.size));
    }
    return Frontier();
}

void Verifier::judgeNotes(Pass& pass) {
    const std::uint64_t size = pass.tip.frontier.size();
    std::uint64_t lastGood = 0;
    std::optional<std::uint64_t> newestGood;
    for (const auto& note : pass.notes)
        if (note.agrees.value_or(false)) newestGood = note.head.size;
    const Note* previous = nullptr;
    const auto has = [&](Damage damage) {
        return std::any_of(pass.report.findings.begin(), pass.report.findings.end(), [&](const Finding& f) { return f.damage == damage; });
    };
    for (const auto& note : pass.notes) {
        if (previous != nullptr && previous->head.size == note.head.size && previous->head.root != note.head.root && previous->checkpoint &&
            note.checkpoint && !has(Damage::TwoSigners))
            pass.add(Damage::TwoSigners, lastGood,
                     "two signed checkpoints of " + std::to_string(note.head.size) + " entries have different roots");
        previous = &note;
        if (note.head.size > size) {
            // The storage's own checkpoint ahead of its tip: somebody cut entries off. Only an outside one: all of it is old.
            if (note.source == Note::Source::Storage && !has(Damage::TailDeleted))
                pass.add(Damage::TailDeleted, size,
                         note.where + " has " + std::to_string(note.head.size) + " entries, the tip " + std::to_string(size));
            if (note.source != Note::Source::Storage && !has(Damage::TailDeleted) && !has(Damage::RolledBack))
                pass.add(Damage::RolledBack, size,
                         note.where + " has " + std::to_string(note.head.size) + " entries, the tip " + std::to_string(size));
            continue;
        }
        if (note.agrees.value_or(false)) {
            lastGood = note.head.size;
            if (note.checkpoint) pass.report.checkpoint = note.checkpoint;
        }
        if (note.agrees.value_or(true) || has(Damage::TwoSigners) || has(Damage::SuffixRewritten)) continue;
        if (newestGood && *newestGood >= note.head.size)
            pass.add(Damage::TwoSigners, lastGood,
                     note.where + " of " + std::to_string(note.head.size) + " entries contradicts the ledger, a later one agrees");
        else
            pass.add(Damage::SuffixRewritten, lastGood,
                     note.where + " of " + std::to_string(note.head.size) + " entries has another root; up to " + std::to_string(lastGood) +
                         " all agrees");
    }
}

base::Result<void> Verifier::sweep(Pass& pass, std::uint64_t until) {
    if (until == 0 || options_.sweep == 0) return {};
    if (swept_ >= until) swept_ = 0;
    const std::uint64_t end = std::min(until, tileStart(swept_ + options_.sweep + kTileWidth - 1));
    pass.scan->trail = nullptr;
    if (auto done = pass.scan->scan(swept_, end, nullptr, {}); !done) return done;
    swept_ = end;
    return {};
}

base::Result<void> Verifier::sample(Pass& pass, const Head& head) {
    constexpr std::size_t kAtOnce = 500;
    TileCache cache(1'024);
    TileReader reader(storage_, clock_, &cache);
    std::vector<std::uint64_t> places;
    const bool all = head.size <= options_.samples;
    const std::uint64_t count = std::min(head.size, options_.samples);
    for (std::uint64_t i = 0; i < count; ++i) places.push_back(all ? i : options_.random() % head.size);
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    std::optional<std::uint64_t> badTile;
    for (std::size_t at = 0; at < places.size(); at += kAtOnce) {
        const auto end = std::min(places.size(), at + kAtOnce);
        std::vector<plugin::Value> some;
        for (std::size_t i = at; i < end; ++i) some.emplace_back(static_cast<std::int64_t>(places[i]));
        auto results =
            storage_.read({plugin::select(kEntries, {"idx", "leaf", "body"}, {{"idx", Compare::In, std::move(some)}}, kAtOnce, {{"idx"}})},
                          plugin::callWithin(clock_, store::kReadDeadline));
        if (!results) return std::move(results).error();
        for (const auto& stored : results->front().rows) {
            store::RowReader row(stored);
            const auto index = static_cast<std::uint64_t>(row.integer());
            const auto leaf = toHash(row.bytes()).value_or(Hash{});
            const auto body = row.bytesOrNull();
            if (auto shape = row.verdict(kEntries); !shape) return shape;
            if (body) ++pass.report.entriesHashed;
            auto proof = inclusionProof(reader, index, head.size);
            if (!proof && proof.error().code == base::Errc::Unavailable) return std::move(proof).error();
            if (proof && verifyInclusion(body ? leafHash(*body) : leaf, index, head, *proof)) continue;
            if (badTile == index / kTileWidth) continue;
            badTile = index / kTileWidth;
            // The pass over that tile says what is wrong with it; if it finds nothing, a tile above was changed.
            const auto before = pass.scan->findings.size();
            pass.scan->trail = nullptr;
            if (auto done = pass.scan->scan(tileStart(index), std::min(head.size, tileStart(index) + kTileWidth), nullptr, {}); !done)
                return done;
            pass.scan->conclude();
            if (pass.scan->findings.size() == before)
                pass.add(Damage::TileEdited, index, "the stored tiles do not prove entry " + std::to_string(index));
        }
        if (options_.pace) options_.pace(end - at);
    }
    return {};
}

base::Result<VerifyReport> Verifier::verifyAlone(VerifyMode mode) {
    Pass pass;
    auto first = storage_.read({selectTip(), plugin::select(kEntries, {"idx", "leaf"}, {}, 1, {{"idx", true}}),
                                plugin::select("audit_retention", {"organization_num", "retained_from"}, {}, 10'000)},
                               plugin::callWithin(clock_, store::kReadDeadline));
    if (!first) return std::move(first).error();
    auto tip = decodeTip(first->front());
    if (!tip || !tip->has_value()) {
        if (!tip && tip.error().code != base::Errc::Internal) return std::move(tip).error();
        const bool empty = tip.ok() && first->at(1).rows.empty();
        if (!empty) pass.add(Damage::TipEdited, 0, tip ? "the tip is gone" : tip.error().detail);
        auto anchors = readAnchors(options_.anchors);
        if (!anchors) return std::move(anchors).error();
        if (empty && (!anchors->empty() || memory_)) pass.add(Damage::RolledBack, 0, "a checkpoint exists, the storage has no ledger");
        pass.report.ok = pass.report.findings.empty();
        if (!pass.report.ok) pass.report.firstBad = 0;
        return std::move(pass.report);
    }
    pass.tip = std::move(**tip);
    const std::uint64_t size = pass.tip.frontier.size();
    if (const auto& rows = first->at(1).rows; !rows.empty()) {
        store::RowReader row(rows.front());
        if (static_cast<std::uint64_t>(row.integer()) >= size) pass.behindTip = toHash(row.bytes()).value_or(Hash{});
    }
    if (mode != VerifyMode::Full) {
        pass.retainedFrom.emplace();
        for (const auto& stored : first->at(2).rows) {
            store::RowReader row(stored);
            const std::int64_t num = row.integer();
            (*pass.retainedFrom)[num] = row.time();
        }
    }
    if (auto notes = collectNotes(pass, mode); !notes) return std::move(notes).error();
    auto base = this->base(pass, mode);
    if (!base) return std::move(base).error();
    pass.report.from = base->size();
    pass.report.to = size;

    VerifyScan::Options options;
    options.treeSize = size;
    options.retainedFrom = pass.retainedFrom;
    options.pace = options_.pace;
    if (memory_ && memory_->origin == pass.tip.origin) {
        options.rememberedFrom = memory_->base.size();
        options.remembered = memory_->edge;
    }
    pass.scan = std::make_unique<VerifyScan>(storage_, clock_, std::move(options));
    pass.scan->trail = &pass.trail;
    pass.fold = *base;
    pass.base = *base;
    auto note = pass.notes.begin();
    const auto reached = [&](const Frontier& fold) {
        if (fold.size() % kTileWidth == 0) {
            pass.base = fold;
            pass.baseTrail = pass.trail;
        }
        while (note != pass.notes.end() && note->head.size < fold.size()) ++note;
        for (; note != pass.notes.end() && note->head.size == fold.size(); ++note) note->agrees = fold.root() == note->head.root;
    };
    reached(pass.fold);
    if (auto done = pass.scan->scan(base->size(), size, &pass.fold, reached); !done) return std::move(done).error();
    const bool broken = pass.scan->broken;
    const auto edge = pass.scan->edge;
    // A tree that agrees with itself and not with what was seen before has been replaced as a whole.
    bool replaced = false;
    if (mode != VerifyMode::Full && !broken && pass.fold.root() != pass.tip.root) {
        TileReader reader(storage_, clock_);
        const auto root = rootAt(reader, size);
        replaced = root && *root == pass.tip.root;
        for (auto& one : pass.notes) {
            if (!replaced || one.head.size > size || one.head.size == 0) continue;
            const auto then = rootAt(reader, one.head.size);
            one.agrees = then && *then == one.head.root;
        }
        if (replaced) pass.scan->forgetDifferences();
    }
    pass.scan->conclude();
    const bool local = !pass.scan->findings.empty();
    const auto chainOnly = std::all_of(pass.scan->findings.begin(), pass.scan->findings.end(), [](const Finding& finding) {
        return finding.damage == Damage::ChainEdited || finding.damage == Damage::TailDeleted;
    });
    if (!replaced && (broken || pass.fold.root() != pass.tip.root) && (!local || chainOnly))
        pass.scan->explainEdge(pass.base, pass.tip.root, pass.behindTip);
    if (pass.behindTip && pass.scan->findings.empty()) pass.add(Damage::Inserted, size, "there are rows behind the tip");
    if (broken)
        for (auto& one : pass.notes) one.agrees.reset();
    for (auto& one : pass.notes) {
        // Checkpoints inside what earlier passes verified are checked against the tiles, which the sweep checks against entries.
        if (one.agrees || broken || one.head.size >= base->size() || one.head.size == 0) continue;
        TileReader reader(storage_, clock_);
        auto root = rootAt(reader, one.head.size);
        if (root) one.agrees = *root == one.head.root;
    }
    const Head head = {pass.fold.size(), pass.fold.root()};
    if (mode != VerifyMode::Full) {
        if (auto done = sweep(pass, base->size()); !done) return std::move(done).error();
        if (mode == VerifyMode::Sampled && !broken)
            if (auto done = sample(pass, head); !done) return std::move(done).error();
        pass.scan->conclude();
    }
    if (!broken && !replaced && pass.report.findings.empty() && pass.scan->findings.empty() && size > 0) {
        TileReader reader(storage_, clock_);
        auto root = rootAt(reader, size);
        if (!root && root.error().code == base::Errc::Unavailable) return std::move(root).error();
        if (!root || *root != head.root) pass.add(Damage::TileEdited, 0, "the stored tiles do not give the root of the entries");
        if (head.root != pass.tip.root) pass.add(Damage::TipEdited, size, "the tip is not the tree of the stored entries");
    }
    const bool explained = std::any_of(pass.scan->findings.begin(), pass.scan->findings.end(),
                                       [](const Finding& f) { return f.damage != Damage::ChainEdited; });
    if (explained)
        for (auto& one : pass.notes)
            if (!one.agrees.value_or(true) && one.head.size <= size) one.agrees.reset();
    judgeNotes(pass);

    auto& report = pass.report;
    report.findings.insert(report.findings.end(), pass.scan->findings.begin(), pass.scan->findings.end());
    if (std::any_of(report.findings.begin(), report.findings.end(), [](const Finding& f) { return breaksChain(f.damage); }))
        std::erase_if(report.findings, [](const Finding& f) { return f.damage == Damage::ChainEdited; });
    std::sort(report.findings.begin(), report.findings.end(), [](const Finding& a, const Finding& b) {
        return std::tie(a.index, a.damage, a.detail) < std::tie(b.index, b.damage, b.detail);
    });
    report.findings.erase(std::unique(report.findings.begin(), report.findings.end(),
                                      [](const Finding& a, const Finding& b) { return a.index == b.index && a.damage == b.damage; }),
                          report.findings.end());
    report.lseqGaps = pass.scan->gaps;
    report.entriesHashed += pass.scan->entriesHashed;
    if (!report.findings.empty()) report.firstBad = report.findings.front().index;
    if (!report.lseqGaps.empty()) report.firstBad = std::min(report.firstBad.value_or(kAll), report.lseqGaps.front().index);
    report.ok = report.findings.empty() && report.lseqGaps.empty();
    if (report.ok) memory_ = Memory{pass.tip.origin, pass.base, edge, head, pass.baseTrail, report.checkpoint};
    return std::move(report);
}

std::string VerifyReport::json() const {
    std::string out;
    base::json::Writer writer(out);
    writer.beginObject()
        .key("ok")
        .boolean(ok)
        .key("from")
        .number(static_cast<std::int64_t>(from))
        .key("to")
        .number(static_cast<std::int64_t>(to));
    writer.key("checkpoint");
    if (checkpoint)
        writer.text(checkpoint->note);
    else
        writer.null();
    writer.key("entriesHashed").number(static_cast<std::int64_t>(entriesHashed)).key("firstBad");
    if (firstBad)
        writer.number(static_cast<std::int64_t>(*firstBad));
    else
        writer.null();
    writer.key("lseqGaps").beginArray();
    for (const auto& gap : lseqGaps) {
        writer.beginObject().key("replica").text(gap.replica).key("epoch").number(gap.epoch).key("after").number(gap.after);
        writer.key("next").number(gap.next).key("index").number(static_cast<std::int64_t>(gap.index)).endObject();
    }
    writer.endArray().key("findings").beginArray();
    for (const auto& finding : findings) {
        writer.beginObject().key("damage").text(nameOf(finding.damage)).key("index").number(static_cast<std::int64_t>(finding.index));
        writer.key("detail").text(finding.detail).endObject();
    }
    writer.endArray().endObject();
    return out;
}

}  // namespace agentidp::audit
