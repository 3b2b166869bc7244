#pragma once
/// @file kernel/audit/reader.h
/// Reading the ledger: entries by filter or id, tiles, proofs. Every call blocks for storage; any thread.
#include <optional>
#include <string>
#include <vector>

#include "audit/entry.h"
#include "audit/proof.h"
#include "audit/tiles.h"

namespace agentidp::audit {

/// One entry with its place. `entry.event` carries the numbers of organization and agent as the row has them.
struct Record {
    std::uint64_t index = 0;
    EntryView entry;
    base::Bytes body;  ///< the exact bytes that were hashed
    Hash chain{};
    Hash previousChain{};
    /// As the API shows it: {eventId, index, agentId, organizationId, action, outcome, actor, requestId, ipAddress, userAgent,
    /// metadata, ext, timestamp, hash, prevHash}.
    [[nodiscard]] std::string json() const;
};

/// Whose entries may be seen. There is no default: a caller says it.
class Tenancy {
public:
    static Tenancy organization(std::int64_t num) { return Tenancy(num); }
    static Tenancy platform() { return Tenancy(std::nullopt); }
    [[nodiscard]] const std::optional<std::int64_t>& num() const { return num_; }

private:
    explicit Tenancy(std::optional<std::int64_t> num) : num_(num) {}
    std::optional<std::int64_t> num_;
};

struct Query {
    Tenancy tenancy;
    std::optional<std::int64_t> agentNum = std::nullopt;
    std::optional<model::Action> action = std::nullopt;
    std::optional<model::Outcome> outcome = std::nullopt;
    std::optional<base::Instant> from = std::nullopt;    ///< inclusive
    std::optional<base::Instant> to = std::nullopt;      ///< inclusive
    std::optional<std::uint64_t> before = std::nullopt;  ///< the index of the last record seen
    std::uint32_t limit = 20;
};

struct Page {
    std::vector<Record> records;                ///< newest first
    std::optional<std::uint64_t> next;          ///< `before` of the next page
    std::optional<base::Instant> retainedFrom;  ///< bodies older than this were dropped
};

/// What a C2SP tile path asks for: `width` is 256, or fewer for `.p/W`.
struct TileRequest {
    unsigned level = 0;
    std::uint64_t index = 0;
    std::size_t width = kTileWidth;
    bool entries = false;
    /// "1/x001/067.p/12" or "entries/000": what follows /tile/. Nothing for any other text.
    static std::optional<TileRequest> parse(std::string_view path);
};

class Reader {
public:
    /// All outlive it. `keys` verify the checkpoints that proofs carry.
    Reader(plugin::Storage& storage, const base::Clock& clock, LedgerKeys keys)
        : storage_(storage), clock_(clock), keys_(std::move(keys)) {}

    base::Result<Page> query(const Query& query);
    /// NotFound: unknown, not of this tenancy, or its body is gone.
    base::Result<Record> find(const model::EventId& id, const Tenancy& tenancy);
    base::Result<Record> at(std::uint64_t index, const Tenancy& tenancy);
    /// Up to `limit` entries from `index` on, in ledger order, without those whose body is gone: what followers and exports read.
    base::Result<std::vector<Record>> since(std::uint64_t index, std::uint32_t limit);
    /// How many entries there are. 0 where there is no ledger yet.
    base::Result<std::uint64_t> size();

    /// The newest checkpoint. NotFound where none was signed yet.
    base::Result<SignedCheckpoint> checkpoint();
    /// Unavailable: the next checkpoint will cover it. `entry` is set where the body is kept; the caller decides who may see it.
    base::Result<InclusionProof> prove(std::uint64_t index);
    base::Result<InclusionProof> prove(const model::EventId& id, const Tenancy& tenancy);
    /// Errc::Invalid unless 0 < from <= to <= size of the tree.
    base::Result<ConsistencyProof> consistency(std::uint64_t from, std::uint64_t to);
    /// Tile bytes: joined hashes, or an entry bundle (each entry behind its length as two big-endian bytes). NotFound for what
    /// lies past the tree, and for a bundle with a body that is gone.
    base::Result<base::Bytes> tile(const TileRequest& request);

private:
    /// Where a time lies in the ledger: it begins not before `first` and not behind `last`, give or take the disorder of clocks.
    struct Range {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
    };
    base::Result<std::vector<plugin::OpResult>> read(const std::vector<plugin::Op>& ops);
    base::Result<Range> rangeNear(base::Instant at, std::uint64_t size);
    base::Result<Record> search(const model::EventId& id, Range range, base::Instant at, base::microseconds around);
    base::Result<void> linkChain(std::vector<Record>& records);

    plugin::Storage& storage_;
    const base::Clock& clock_;
    LedgerKeys keys_;
    TileCache cache_;
};

}  // namespace agentidp::audit
