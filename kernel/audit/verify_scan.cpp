#include "audit/verify_scan.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

using plugin::Compare;

constexpr std::string_view kEntries = "audit_entries";
constexpr std::size_t kMostDifferences = 4'096;
constexpr std::size_t kMostBreaks = 16;
constexpr std::size_t kMostFindings = 1'000;
constexpr std::size_t kMostKnownIds = 200'000;
constexpr base::milliseconds kPageDeadline{10'000};

std::int64_t stored64(std::uint64_t value) { return static_cast<std::int64_t>(value); }

Hash foldTile(const std::vector<Hash>& hashes) {
    Frontier fold;
    for (const auto& hash : hashes) fold.append(hash);
    return fold.root();
}

}  // namespace

struct VerifyScan::Row {
    std::uint64_t index = 0;
    base::Instant ts;
    std::int64_t organizationNum = 0;
    std::int64_t agentNum = 0;
    std::int64_t action = 0;
    std::int64_t outcome = 0;
    Hash leaf{};
    Hash chain{};
    std::optional<base::Bytes> body;
    std::optional<Hash> bodyHash;
};

std::string_view nameOf(Damage damage) {
    switch (damage) {
        case Damage::BodyEdited: return "body_edited";
        case Damage::LeafEdited: return "leaf_edited";
        case Damage::BodyAndLeafEdited: return "body_and_leaf_edited";
        case Damage::TileEdited: return "tile_edited";
        case Damage::ColumnsEdited: return "columns_edited";
        case Damage::ChainEdited: return "chain_edited";
        case Damage::BodyMissing: return "body_missing";
        case Damage::MiddleDeleted: return "middle_deleted";
        case Damage::TailDeleted: return "tail_deleted";
        case Damage::Swapped: return "swapped";
        case Damage::Inserted: return "inserted";
        case Damage::TipEdited: return "tip_edited";
        case Damage::SuffixRewritten: return "suffix_rewritten";
        case Damage::TwoSigners: return "two_signers";
        case Damage::CheckpointForged: return "checkpoint_forged";
        case Damage::RolledBack: return "rolled_back";
    }
    return "unknown";
}

void VerifyScan::add(Damage damage, std::uint64_t index, std::string detail) {
    if (findings.size() < kMostFindings) findings.push_back({damage, index, std::move(detail)});
}

base::Result<std::vector<VerifyScan::Row>> VerifyScan::rows(std::uint64_t from, std::uint64_t until) {
    auto results = storage_.read(
        {plugin::select(kEntries, {"idx", "ts", "organization_num", "agent_num", "action", "outcome", "leaf", "chain_hash", "body"},
                        {{"idx", Compare::Ge, {stored64(from)}}, {"idx", Compare::Lt, {stored64(until)}}},
                        static_cast<std::uint32_t>(until - from), {{"idx"}})},
        plugin::callWithin(clock_, kPageDeadline));
    if (!results) return std::move(results).error();
    std::vector<Row> all;
    all.reserve(results->front().rows.size());
    for (const auto& stored : results->front().rows) {
        store::RowReader reader(stored);
        Row row;
        row.index = static_cast<std::uint64_t>(reader.integer());
        row.ts = reader.time();
        row.organizationNum = reader.integer();
        row.agentNum = reader.integer();
        row.action = reader.integer();
        row.outcome = reader.integer();
        // A leaf or chain hash of another length is damage like any other: it equals nothing.
        row.leaf = toHash(reader.bytes()).value_or(Hash{});
        row.chain = toHash(reader.bytes()).value_or(Hash{});
        row.body = reader.bytesOrNull();
        if (auto shape = reader.verdict(kEntries); !shape) return std::move(shape).error();
        if (row.body) row.bodyHash = leafHash(*row.body);
        all.push_back(std::move(row));
    }
    return all;
}

base::Result<std::optional<std::vector<Hash>>> VerifyScan::tile(unsigned level, std::uint64_t index) {
    auto results = storage_.read({plugin::select("audit_tiles", {"hashes"},
                                                 {{"level", Compare::Eq, {std::int64_t{level}}}, {"idx", Compare::Eq, {stored64(index)}}})},
                                 plugin::callWithin(clock_, kPageDeadline));
    if (!results) return std::move(results).error();
    if (results->front().rows.empty()) return std::optional<std::vector<Hash>>();
    const base::Bytes bytes = store::RowReader(results->front().rows.front()).bytes();
    std::vector<Hash> hashes;
    for (std::size_t at = 0; at + sizeof(Hash) <= bytes.size(); at += sizeof(Hash))
        hashes.push_back(*toHash(base::BytesView(bytes).subspan(at, sizeof(Hash))));
    return std::optional<std::vector<Hash>>(std::move(hashes));
}

base::Result<void> VerifyScan::scan(std::uint64_t from, std::uint64_t until, Frontier* fold,
                                    const std::function<void(const Frontier&)>& reached) {
    previousChain_.reset();
    if (from == 0) previousChain_ = chainStart();
    edge.clear();
    edgeFrom = until / kTileWidth * kTileWidth;
    // One tile at a time: more of them in one read are no faster, and the memory of the largest read stays with the daemon.
    for (std::uint64_t first = from; first < until; first += kTileWidth) {
        const std::uint64_t end = std::min(until, first + kTileWidth);
        const auto stored = rows(first, end);
        if (!stored) return stored.error();
        auto leaves = scanTile(first / kTileWidth, static_cast<std::size_t>(end - first), *stored);
        if (!leaves) return std::move(leaves).error();
        if (fold != nullptr) {
            for (const auto& leaf : *leaves) {
                fold->append(leaf);
                if (reached) reached(*fold);
            }
        }
        if (first == edgeFrom) edge = std::move(*leaves);
        if (options_.pace) options_.pace(static_cast<std::size_t>(end - first));
    }
    return {};
}

/// The leaves of one tile as they most likely were: where stored leaves and the tile differ, the tile above decides.
base::Result<std::vector<Hash>> VerifyScan::scanTile(std::uint64_t index, std::size_t width, std::span<const Row> rows) {
    const std::uint64_t first = index * kTileWidth;
    std::vector<std::optional<Hash>> columns(width);
    std::vector<std::optional<Hash>> contents(width);
    std::uint64_t expected = first;
    const auto missing = [&](std::uint64_t until) {
        if (expected == until) return;
        broken = true;
        previousChain_.reset();
        if (!holes_.empty() && holes_.back().second == expected)
            holes_.back().second = until;
        else
            holes_.emplace_back(expected, until);
    };
    for (const Row& row : rows) {
        missing(row.index);
        expected = row.index + 1;
        const auto at = static_cast<std::size_t>(row.index - first);
        columns[at] = row.leaf;
        contents[at] = row.bodyHash ? row.bodyHash : row.leaf;
        if (row.body)
            checkBody(row);
        else
            checkMissing(row);
        previousChain_ = row.chain;
    }
    missing(first + width);

    std::optional<std::vector<Hash>> tileLeaves;
    if (width == kTileWidth) {
        auto stored = tile(0, index);
        if (!stored) return std::move(stored).error();
        tileLeaves = std::move(*stored);
        if (!tileLeaves || tileLeaves->size() != kTileWidth) {
            add(Damage::TileEdited, first,
                "the tile of level 0 at " + std::to_string(index) + (tileLeaves ? " has another length" : " is gone"));
            tileLeaves.reset();
        }
        if (!above_ || above_->index != index / kTileWidth) {
            auto higher = tile(1, index / kTileWidth);
            if (!higher) return std::move(higher).error();
            above_ = TileAbove{index / kTileWidth, std::move(*higher).value_or(std::vector<Hash>())};
        }
    }
    std::vector<Hash> believed(width);
    bool columnsWhole = true;
    for (std::size_t i = 0; i < width; ++i) {
        columnsWhole = columnsWhole && columns[i].has_value();
        believed[i] = columns[i] ? *columns[i] : tileLeaves ? (*tileLeaves)[i] : Hash{};
    }
    bool tileWrong = false;
    if (width == kTileWidth) {
        const auto place = static_cast<std::size_t>(index % kTileWidth);
        const bool hasAbove = place < above_->hashes.size();
        if (!hasAbove) add(Damage::TileEdited, first, "the tile of level 1 at " + std::to_string(index / kTileWidth) + " ends too early");
        if (tileLeaves && *tileLeaves != believed) {
            tileWrong =
                hasAbove && columnsWhole && foldTile(*tileLeaves) != above_->hashes[place] && foldTile(believed) == above_->hashes[place];
            if (tileWrong)
                add(Damage::TileEdited, first,
                    "the tile of level 0 at " + std::to_string(index) + " differs from its entries and from the tile above");
            else
                believed = *tileLeaves;
        } else if (tileLeaves && hasAbove && foldTile(believed) != above_->hashes[place]) {
            add(Damage::TileEdited, first,
                "the tile of level 1 at " + std::to_string(index / kTileWidth) + " does not fit the tile below it");
        }
    } else {
        for (std::size_t i = 0; i < width; ++i) {
            const std::uint64_t at = first + i;
            if (at >= options_.rememberedFrom && at < options_.rememberedFrom + options_.remembered.size())
                believed[i] = options_.remembered[static_cast<std::size_t>(at - options_.rememberedFrom)];
        }
    }
    for (std::size_t i = 0; i < width && differences_.size() < kMostDifferences; ++i) {
        if (!columns[i]) continue;
        const Hash& content = *contents[i];
        if (content == believed[i] && *columns[i] == believed[i]) continue;
        Damage damage = Damage::BodyAndLeafEdited;
        if (content == believed[i])
            damage = Damage::LeafEdited;
        else if (*columns[i] == believed[i])
            damage = Damage::BodyEdited;
        differences_.push_back({first + i, content, believed[i], damage});
    }
    return believed;
}

void VerifyScan::checkBody(const Row& row) {
    ++entriesHashed;
    // Bytes that are not what was hashed say nothing; their difference is told by the caller.
    if (*row.bodyHash != row.leaf) return;
    auto said = skimEntry(*row.body);
    base::Result<EntryView> parsed = base::fail(base::Errc::Invalid, "");
    std::string ts;
    if (!said) {
        parsed = parseEntry(*row.body);
        if (!parsed) return add(Damage::BodyAndLeafEdited, row.index, "the entry cannot be read: " + parsed.error().detail);
        const auto& event = parsed->event;
        ts = base::rfc3339(event.timestamp);
        said = EntrySkim{model::nameOf(event.action),
                         event.agentId.str(),
                         event.eventId.str(),
                         event.metadataJson,
                         event.organizationId.str(),
                         nameOf(event.outcome),
                         parsed->replica,
                         ts,
                         parsed->epoch,
                         parsed->lseq};
    }
    if (previousChain_ && chainHash(said->chainInput(), *previousChain_) != row.chain) {
        if (breaks_.size() < kMostBreaks) breaks_.push_back(row.index);
        add(Damage::ChainEdited, row.index, "hash does not follow from prevHash and the event");
    }
    if (trail != nullptr) checkLseq(*said, row.index);
    checkColumns(*said, row);
    if (said->action != model::nameOf(model::Action::AuditPruned)) return;
    const auto metadata = base::json::parse(said->metadata);
    const auto before = metadata ? base::parseRfc3339(metadata->textOr("before", "")) : std::nullopt;
    if (before) pruned_[row.organizationNum] = std::max(pruned_[row.organizationNum], *before);
}

/// A number stands for one id everywhere.
void VerifyScan::checkColumns(const EntrySkim& said, const Row& row) {
    const auto sameNumber = [&](std::string_view id, std::int64_t num) {
        if (id.empty()) return true;
        if (numOf_.size() >= kMostKnownIds) numOf_.clear();
        return numOf_.emplace(id, num).first->second == num;
    };
    model::Action action{};
    const auto outcome = outcomeNamed(said.outcome);
    const bool same = model::actionNamed(said.action, action) && row.action == static_cast<std::int64_t>(action) && outcome &&
                      row.outcome == static_cast<std::int64_t>(*outcome) && base::parseRfc3339(said.ts) == row.ts;
    const bool sameIds = sameNumber(said.orgId, row.organizationNum) && sameNumber(said.agentId, row.agentNum);
    if (!same || !sameIds) add(Damage::ColumnsEdited, row.index, "the columns say something else than the entry");
}

void VerifyScan::checkMissing(const Row& row) {
    if (trail != nullptr) ++trail->unseen;
    if (options_.retainedFrom) {
        const auto kept = options_.retainedFrom->find(row.organizationNum);
        if (kept == options_.retainedFrom->end() || row.ts >= kept->second)
            add(Damage::BodyMissing, row.index, "the body is gone, and no retention says so");
        return;
    }
    auto& youngest = missing_.try_emplace(row.organizationNum, row.ts, row.index).first->second;
    if (row.ts > youngest.first) youngest = {row.ts, row.index};
}

void VerifyScan::checkLseq(const EntrySkim& entry, std::uint64_t index) {
    const auto [place, fresh] = trail->last.try_emplace({std::string(entry.replica), entry.epoch});
    auto& last = place->second;
    const bool unseenBetween = fresh ? trail->unseen > 0 || !trail->fromStart : last.unseen != trail->unseen;
    const bool follows = entry.lseq == last.lseq + 1 || (unseenBetween && entry.lseq > last.lseq);
    if (!follows) {
        gaps.push_back({std::string(entry.replica), entry.epoch, last.lseq, entry.lseq, index});
        if (breaks_.size() < kMostBreaks) breaks_.push_back(index);
    }
    last = {entry.lseq, trail->unseen};
}

void VerifyScan::conclude() {
    for (const auto& [organizationNum, youngest] : missing_) {
        const auto said = pruned_.find(organizationNum);
        if (said == pruned_.end() || youngest.first >= said->second)
            add(Damage::BodyMissing, youngest.second, "the body is gone, and no audit.pruned says so");
    }
    bool tookOneOut = false;
    std::vector<bool> explained(differences_.size(), false);
    const auto find = [&](const Hash& expected) {
        return std::find_if(differences_.begin(), differences_.end(), [&](const Difference& d) { return d.expected == expected; });
    };
    for (std::size_t i = 0; i < differences_.size(); ++i) {
        if (explained[i]) continue;
        const auto& one = differences_[i];
        const auto home = find(one.content);
        if (home != differences_.end() && home->index > one.index && home->content == one.expected) {
            add(Damage::Swapped, one.index,
                "entries " + std::to_string(one.index) + " and " + std::to_string(home->index) + " changed places");
            explained[static_cast<std::size_t>(home - differences_.begin())] = true;
            continue;
        }
        // From an insertion on, every place holds what belongs one place before it; from a removal on, one place behind.
        const bool shiftedDown =
            i + 1 < differences_.size() && differences_[i + 1].index == one.index + 1 && differences_[i + 1].content == one.expected;
        const bool shiftedUp =
            i + 1 < differences_.size() && differences_[i + 1].index == one.index + 1 && one.content == differences_[i + 1].expected;
        if (shiftedDown || shiftedUp) {
            add(shiftedDown ? Damage::Inserted : Damage::MiddleDeleted, one.index,
                shiftedDown ? "an entry was put in here and the others moved" : "an entry was taken out here and the others moved");
            tookOneOut = tookOneOut || !shiftedDown;
            std::size_t j = i + 1;
            while (j < differences_.size() && differences_[j].index == differences_[j - 1].index + 1) explained[j++] = true;
            continue;
        }
        add(one.damage, one.index);
    }
    differences_.clear();
    for (const auto& [first, end] : holes_) {
        const bool tail = end == options_.treeSize;
        if (tail && tookOneOut) continue;
        add(tail ? Damage::TailDeleted : Damage::MiddleDeleted, first,
            "entries " + std::to_string(first) + " to " + std::to_string(end - 1) + " are gone");
    }
    holes_.clear();
}

void VerifyScan::explainEdge(const Frontier& base, const Hash& root, const std::optional<Hash>& behindTip) {
    const auto gives = [&](const std::vector<Hash>& leaves) {
        Frontier fold = base;
        for (const auto& leaf : leaves) fold.append(leaf);
        return fold.root() == root;
    };
    for (std::size_t i = 0; i < breaks_.size(); ++i) {
        for (std::size_t j = i + 1; j < breaks_.size(); ++j) {
            const std::uint64_t a = breaks_[i] - edgeFrom;
            const std::uint64_t b = breaks_[j] - edgeFrom;
            if (a >= edge.size() || b >= edge.size() || a == b) continue;
            auto swapped = edge;
            std::swap(swapped[a], swapped[b]);
            if (!gives(swapped)) continue;
            add(Damage::Swapped, breaks_[i],
                "entries " + std::to_string(breaks_[i]) + " and " + std::to_string(breaks_[j]) + " changed places");
            return;
        }
    }
    if (behindTip) {
        auto longer = edge;
        longer.push_back(*behindTip);
        for (std::size_t k = 0; k < edge.size(); ++k) {
            auto without = longer;
            without.erase(without.begin() + static_cast<std::ptrdiff_t>(k));
            if (!gives(without)) continue;
            add(Damage::Inserted, edgeFrom + k, "an entry was put in here and the others moved");
            return;
        }
    }
    if (broken && !breaks_.empty()) {
        std::erase_if(findings, [](const Finding& finding) { return finding.damage == Damage::TailDeleted; });
        add(Damage::MiddleDeleted, breaks_.front(), "an entry was taken out here and the others moved");
        return;
    }
    if (!broken)
        add(Damage::BodyAndLeafEdited, breaks_.empty() ? edgeFrom : breaks_.front(),
            "one of the last " + std::to_string(edge.size()) + " entries and its leaf were changed together");
}

}  // namespace agentidp::audit
