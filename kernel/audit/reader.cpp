#include "audit/reader.h"

#include <algorithm>

#include "audit/tip.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"
#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

using plugin::Compare;
using plugin::Where;

constexpr std::string_view kEntries = "audit_entries";
/// Replicas' clocks and the time in the queue put entries out of the order of their times by seconds; this leaves room.
constexpr base::microseconds kDisorder = std::chrono::minutes(10);

std::int64_t stored64(std::uint64_t value) { return static_cast<std::int64_t>(value); }

base::Error damaged(std::string what) { return base::fail(base::Errc::Internal, "the audit ledger is damaged", std::move(what)); }
base::Error noSuchEntry() { return base::fail(base::Errc::NotFound, "no such audit event"); }

plugin::Op selectRecords(std::vector<Where> where, std::uint32_t limit, bool newestFirst) {
    return plugin::select(kEntries, {"idx", "organization_num", "agent_num", "chain_hash", "body"}, std::move(where), limit,
                          {{"idx", newestFirst}});
}

base::Result<Record> decode(const plugin::Row& stored) {
    store::RowReader row(stored);
    Record record;
    record.index = static_cast<std::uint64_t>(row.integer());
    const std::int64_t organizationNum = row.integer();
    const std::int64_t agentNum = row.integer();
    const auto chain = toHash(row.bytes());
    record.body = row.bytes();
    if (auto shape = row.verdict(kEntries); !shape) return std::move(shape).error();
    auto entry = parseEntry(record.body);
    if (!entry || !chain) return damaged("entry " + std::to_string(record.index) + " cannot be read");
    record.entry = std::move(*entry);
    record.entry.event.organizationNum = organizationNum;
    record.entry.event.agentNum = agentNum;
    record.chain = *chain;
    return record;
}

base::Result<std::vector<Record>> decodeAll(const plugin::OpResult& result) {
    std::vector<Record> records;
    records.reserve(result.rows.size());
    for (const auto& row : result.rows) {
        auto record = decode(row);
        if (!record) return std::move(record).error();
        records.push_back(std::move(*record));
    }
    return records;
}

void restrict(std::vector<Where>& where, const Tenancy& tenancy) {
    if (tenancy.num()) where.push_back({"organization_num", Compare::Eq, {*tenancy.num()}});
}

/// "x001/x234/067" -> 1234067.
std::optional<std::uint64_t> parseTileIndex(const std::vector<std::string>& parts) {
    if (parts.empty() || parts.size() > 6) return std::nullopt;
    std::uint64_t index = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        std::string_view digits = parts[i];
        const bool last = i + 1 == parts.size();
        if (!last) {
            if (digits.empty() || digits.front() != 'x') return std::nullopt;
            digits.remove_prefix(1);
        }
        if (digits.size() != 3 || !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
            return std::nullopt;
        // A leading group of zeros would be a second name for the same tile.
        if (i == 0 && !last && digits == "000") return std::nullopt;
        for (const char c : digits) index = index * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return index;
}

}  // namespace

std::string Record::json() const {
    const auto& event = entry.event;
    std::string out;
    out.reserve(body.size() + 256);
    base::json::Writer writer(out);
    writer.beginObject().key("eventId").text(event.eventId.str()).key("index").number(stored64(index));
    writer.key("agentId").text(event.agentId.str()).key("organizationId").text(event.organizationId.str());
    writer.key("action").text(model::nameOf(event.action)).key("outcome").text(nameOf(event.outcome));
    writer.key("actor").text(event.actor).key("requestId").text(event.requestId).key("jti").text(event.jti);
    writer.key("ipAddress").text(event.ip).key("userAgent").text(event.userAgent);
    writer.key("metadata").raw(event.metadataJson).key("ext").raw(event.extJson);
    writer.key("timestamp").text(base::rfc3339(event.timestamp));
    writer.key("hash").text(base::hex(chain)).key("prevHash").text(base::hex(previousChain)).endObject();
    return out;
}

std::optional<TileRequest> TileRequest::parse(std::string_view path) {
    auto parts = base::split(path, '/');
    TileRequest request;
    if (parts.size() < 2) return std::nullopt;
    if (parts.front() == "entries") {
        request.entries = true;
    } else {
        const auto level = base::parseInt(parts.front());
        if (!level || *level < 0 || *level >= static_cast<std::int64_t>(kTileLevels)) return std::nullopt;
        request.level = static_cast<unsigned>(*level);
    }
    parts.erase(parts.begin());
    if (parts.size() >= 2 && parts[parts.size() - 2].ends_with(".p")) {
        const auto width = base::parseInt(parts.back());
        if (!width || *width < 1 || *width >= static_cast<std::int64_t>(kTileWidth)) return std::nullopt;
        request.width = static_cast<std::size_t>(*width);
        parts.pop_back();
        parts.back().resize(parts.back().size() - 2);
    }
    const auto index = parseTileIndex(parts);
    if (!index) return std::nullopt;
    request.index = *index;
    return request;
}

base::Result<std::vector<plugin::OpResult>> Reader::read(const std::vector<plugin::Op>& ops) {
    auto results = storage_.read(ops, plugin::callWithin(clock_, store::kReadDeadline));
    if (results && results->size() != ops.size()) return base::fail(base::Errc::Internal, "", "storage answered another number of results");
    return results;
}

base::Result<std::uint64_t> Reader::size() {
    auto tip = readTip(storage_, clock_);
    if (tip) return tip->frontier.size();
    if (tip.error().code == base::Errc::NotFound) return std::uint64_t{0};
    return std::move(tip).error();
}

base::Result<Reader::Range> Reader::rangeNear(base::Instant at, std::uint64_t size) {
    constexpr std::uint64_t kPoints = 31;
    constexpr std::uint64_t kNarrow = 512;
    Range range{0, size};
    while (range.last - range.first > kNarrow) {
        std::vector<plugin::Value> points;
        for (std::uint64_t k = 1; k <= kPoints; ++k)
            points.emplace_back(stored64(range.first + (range.last - range.first) / (kPoints + 1) * k));
        auto results = read({plugin::select(kEntries, {"idx", "ts"}, {{"idx", Compare::In, std::move(points)}}, kPoints, {{"idx"}})});
        if (!results) return std::move(results).error();
        Range narrower = range;
        for (const auto& stored : results->front().rows) {
            store::RowReader row(stored);
            const auto index = static_cast<std::uint64_t>(row.integer());
            const base::Instant ts = row.time();
            if (auto shape = row.verdict(kEntries); !shape) return std::move(shape).error();
            if (ts >= at) {
                narrower.last = index;
                break;
            }
            narrower.first = index;
        }
        // Only deleted rows leave nothing to narrow by.
        if (narrower.last - narrower.first == range.last - range.first) break;
        range = narrower;
    }
    return range;
}

base::Result<void> Reader::linkChain(std::vector<Record>& records) {
    std::vector<plugin::Value> wanted;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (records[i].index == 0) {
            records[i].previousChain = chainStart();
        } else if (i > 0 && records[i - 1].index + 1 == records[i].index) {
            records[i].previousChain = records[i - 1].chain;
        } else if (i + 1 < records.size() && records[i + 1].index + 1 == records[i].index) {
            records[i].previousChain = records[i + 1].chain;
        } else {
            wanted.emplace_back(stored64(records[i].index - 1));
        }
    }
    constexpr std::size_t kMostInOneQuestion = 1'000;
    for (std::size_t at = 0; at < wanted.size(); at += kMostInOneQuestion) {
        const auto end = std::min(at + kMostInOneQuestion, wanted.size());
        std::vector<plugin::Value> some(wanted.begin() + static_cast<std::ptrdiff_t>(at),
                                        wanted.begin() + static_cast<std::ptrdiff_t>(end));
        auto results = read({plugin::select(kEntries, {"idx", "chain_hash"}, {{"idx", Compare::In, std::move(some)}}, kMostInOneQuestion)});
        if (!results) return std::move(results).error();
        for (const auto& stored : results->front().rows) {
            store::RowReader row(stored);
            const auto index = static_cast<std::uint64_t>(row.integer());
            const auto chain = toHash(row.bytes());
            if (auto shape = row.verdict(kEntries); !shape) return shape;
            for (auto& record : records)
                if (chain && record.index == index + 1) record.previousChain = *chain;
        }
    }
    return {};
}

base::Result<Page> Reader::query(const Query& query) {
    auto total = size();
    if (!total) return std::move(total).error();
    std::vector<Where> where{{"body", Compare::NotNull, {}}};
    restrict(where, query.tenancy);
    if (query.agentNum) where.push_back({"agent_num", Compare::Eq, {*query.agentNum}});
    if (query.action) where.push_back({"action", Compare::Eq, {static_cast<std::int64_t>(*query.action)}});
    if (query.outcome) where.push_back({"outcome", Compare::Eq, {static_cast<std::int64_t>(*query.outcome)}});
    std::uint64_t before = std::min(query.before.value_or(*total), *total);
    if (query.from) {
        auto range = rangeNear(*query.from - kDisorder, *total);
        if (!range) return std::move(range).error();
        where.push_back({"ts", Compare::Ge, {*query.from}});
        where.push_back({"idx", Compare::Ge, {stored64(range->first)}});
    }
    if (query.to) {
        auto range = rangeNear(*query.to + kDisorder, *total);
        if (!range) return std::move(range).error();
        where.push_back({"ts", Compare::Le, {*query.to}});
        before = std::min(before, range->last);
    }
    where.push_back({"idx", Compare::Lt, {stored64(before)}});
    std::vector<Where> retention;
    restrict(retention, query.tenancy);
    auto results = read({selectRecords(std::move(where), query.limit + 1, true),
                         plugin::select("audit_retention", {"retained_from"}, std::move(retention), 1, {{"retained_from", true}})});
    if (!results) return std::move(results).error();
    auto records = decodeAll(results->front());
    if (!records) return std::move(records).error();
    Page page;
    page.records = std::move(*records);
    if (page.records.size() > query.limit) {
        page.records.resize(query.limit);
        page.next = page.records.back().index;
    }
    if (auto linked = linkChain(page.records); !linked) return std::move(linked).error();
    if (const auto& rows = results->at(1).rows; !rows.empty()) page.retainedFrom = store::RowReader(rows.front()).time();
    return page;
}

base::Result<Record> Reader::search(const model::EventId& id, Range range, base::Instant at, base::microseconds around) {
    constexpr std::uint32_t kPage = 2'000;
    const std::string needle = "\"eventId\":\"" + id.str() + "\"";
    while (range.first < range.last) {
        auto results = read({selectRecords({{"idx", Compare::Ge, {stored64(range.first)}},
                                            {"idx", Compare::Lt, {stored64(range.last)}},
                                            {"ts", Compare::Ge, {at - around}},
                                            {"ts", Compare::Le, {at + around}},
                                            {"body", Compare::NotNull, {}}},
                                           kPage, false)});
        if (!results) return std::move(results).error();
        const auto& rows = results->front().rows;
        for (const auto& row : rows) {
            const auto* body = std::get_if<base::Bytes>(&row.back());
            if (body == nullptr || base::textOf(*body).find(needle) == std::string_view::npos) continue;
            auto record = decode(row);
            if (!record || record->entry.event.eventId == id) return record;
        }
        if (rows.size() < kPage) break;
        range.first = static_cast<std::uint64_t>(store::RowReader(rows.back()).integer()) + 1;
    }
    return noSuchEntry();
}

base::Result<Record> Reader::find(const model::EventId& id, const Tenancy& tenancy) {
    const auto at = base::timeOfUuidV7(id.str());
    if (!at) return noSuchEntry();
    auto total = size();
    if (!total) return std::move(total).error();
    auto begin = rangeNear(*at - kDisorder, *total);
    if (!begin) return std::move(begin).error();
    auto end = rangeNear(*at + kDisorder, *total);
    if (!end) return std::move(end).error();
    // An event's time is nearly always that of its id; where it is not, it is near.
    base::Result<Record> found = noSuchEntry();
    for (const base::microseconds around : {base::microseconds(2'000), base::microseconds(5'000'000), kDisorder}) {
        found = search(id, {begin->first, end->last}, *at, around);
        if (found || found.error().code != base::Errc::NotFound) break;
    }
    if (!found) return found;
    if (tenancy.num() && found->entry.event.organizationNum != *tenancy.num()) return noSuchEntry();
    std::vector<Record> one{std::move(*found)};
    if (auto linked = linkChain(one); !linked) return std::move(linked).error();
    return std::move(one.front());
}

base::Result<Record> Reader::at(std::uint64_t index, const Tenancy& tenancy) {
    std::vector<Where> where{{"idx", Compare::Eq, {stored64(index)}}, {"body", Compare::NotNull, {}}};
    restrict(where, tenancy);
    auto results = read({selectRecords(std::move(where), 1, false)});
    if (!results) return std::move(results).error();
    auto records = decodeAll(results->front());
    if (!records) return std::move(records).error();
    if (records->empty()) return noSuchEntry();
    if (auto linked = linkChain(*records); !linked) return std::move(linked).error();
    return std::move(records->front());
}

base::Result<std::vector<Record>> Reader::since(std::uint64_t index, std::uint32_t limit) {
    auto results = read({selectRecords({{"idx", Compare::Ge, {stored64(index)}}, {"body", Compare::NotNull, {}}}, limit, false)});
    if (!results) return std::move(results).error();
    auto records = decodeAll(results->front());
    if (!records) return records;
    if (auto linked = linkChain(*records); !linked) return std::move(linked).error();
    return records;
}

base::Result<SignedCheckpoint> Reader::checkpoint() {
    auto tip = readTip(storage_, clock_);
    if (!tip) return std::move(tip).error();
    auto last = readLastCheckpoint(storage_, clock_, tip->origin, keys_);
    if (!last) return std::move(last).error();
    if (!last->has_value()) return base::fail(base::Errc::NotFound, "no checkpoint has been signed yet");
    return std::move(**last);
}

base::Result<InclusionProof> Reader::prove(std::uint64_t index) {
    auto last = checkpoint();
    const bool covered = last && index < last->checkpoint.head.size;
    if (!covered) {
        if (!last && last.error().code != base::Errc::NotFound) return std::move(last).error();
        auto total = size();
        if (!total) return std::move(total).error();
        if (index >= *total) return noSuchEntry();
        return base::fail(base::Errc::Unavailable, "the next checkpoint will cover this event; ask again in a few seconds");
    }
    InclusionProof proof;
    proof.index = index;
    proof.checkpoint = std::move(*last);
    TileReader hashes(storage_, clock_, &cache_);
    auto path = inclusionProof(hashes, index, proof.checkpoint.checkpoint.head.size);
    if (!path) return std::move(path).error();
    proof.hashes = std::move(*path);
    auto leaf = hashes.node(0, index);
    if (!leaf) return std::move(leaf).error();
    proof.leaf = *leaf;
    auto results = read({plugin::select(kEntries, {"body"}, {{"idx", Compare::Eq, {stored64(index)}}, {"body", Compare::NotNull, {}}})});
    if (!results) return std::move(results).error();
    if (const auto& rows = results->front().rows; !rows.empty()) {
        const base::Bytes body = store::RowReader(rows.front()).bytes();
        if (leafHash(body) != proof.leaf) return damaged("the body of entry " + std::to_string(index) + " is not what was logged");
        proof.entry = base::textOf(body);
    }
    if (!proof.holds()) return damaged("entry " + std::to_string(index) + " is not under the last checkpoint");
    return proof;
}

base::Result<InclusionProof> Reader::prove(const model::EventId& id, const Tenancy& tenancy) {
    auto record = find(id, tenancy);
    if (!record) return std::move(record).error();
    return prove(record->index);
}

base::Result<ConsistencyProof> Reader::consistency(std::uint64_t from, std::uint64_t to) {
    auto total = size();
    if (!total) return std::move(total).error();
    if (from == 0 || from > to || to > *total)
        return base::fail(base::Errc::Invalid, "from and to must be sizes of the ledger, from not above to");
    TileReader hashes(storage_, clock_, &cache_);
    auto path = consistencyProof(hashes, from, to);
    if (!path) return std::move(path).error();
    auto older = rootAt(hashes, from);
    if (!older) return std::move(older).error();
    auto newer = rootAt(hashes, to);
    if (!newer) return std::move(newer).error();
    return ConsistencyProof{{from, *older}, {to, *newer}, std::move(*path)};
}

base::Result<base::Bytes> Reader::tile(const TileRequest& request) {
    auto total = size();
    if (!total) return std::move(total).error();
    const auto noSuchTile = [] { return base::fail(base::Errc::NotFound, "the ledger has no such tile"); };
    const unsigned level = request.entries ? 0 : request.level;
    const std::uint64_t hashes = *total >> (8 * level);
    if (request.index > hashes / kTileWidth || request.index * kTileWidth + request.width > hashes) return noSuchTile();
    if (!request.entries) {
        TileReader reader(storage_, clock_, &cache_);
        auto tile = reader.tile(level, request.index, request.width);
        if (!tile) return std::move(tile).error();
        return joinHashes({(*tile)->hashes.begin(), (*tile)->hashes.begin() + static_cast<std::ptrdiff_t>(request.width)});
    }
    const std::uint64_t first = request.index * kTileWidth;
    auto results = read({plugin::select(
        kEntries, {"body"},
        {{"idx", Compare::Ge, {stored64(first)}}, {"idx", Compare::Lt, {stored64(first + request.width)}}, {"body", Compare::NotNull, {}}},
        kTileWidth, {{"idx"}})});
    if (!results) return std::move(results).error();
    const auto& rows = results->front().rows;
    if (rows.size() != request.width) return noSuchTile();
    base::Bytes bundle;
    for (const auto& row : rows) {
        const base::Bytes body = store::RowReader(row).bytes();
        bundle.push_back(static_cast<std::uint8_t>(body.size() >> 8U));
        bundle.push_back(static_cast<std::uint8_t>(body.size()));
        bundle.insert(bundle.end(), body.begin(), body.end());
    }
    return bundle;
}

}  // namespace agentidp::audit
