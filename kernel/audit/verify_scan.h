#pragma once
/// @file kernel/audit/verify_scan.h
/// One pass of the verifier over stored entries, tile by tile: hashes bodies again, compares them with leaves, tiles and the
/// chain, and collects what does not agree. It judges nothing by signatures; that is verifier.h.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/entry.h"
#include "audit/tiles.h"

namespace agentidp::audit {

/// What can be wrong with a ledger, by name.
enum class Damage {
    BodyEdited,         ///< the bytes of an entry are not what was hashed
    LeafEdited,         ///< only the stored leaf differs
    BodyAndLeafEdited,  ///< both were changed to agree; the tree above disagrees
    TileEdited,         ///< a stored tile is not what its entries and the tile above it say
    ColumnsEdited,      ///< the columns queries use do not say what the entry says
    ChainEdited,        ///< the reference's hash does not follow from its event
    BodyMissing,        ///< a body is gone that no retention explains
    MiddleDeleted,
    TailDeleted,
    Swapped,
    Inserted,
    TipEdited,         ///< the tip is not the tree of the stored entries
    SuffixRewritten,   ///< everything agrees with itself, but not with a signed checkpoint
    TwoSigners,        ///< two signed checkpoints contradict each other
    CheckpointForged,  ///< a stored checkpoint that no key of ours signed
    RolledBack,        ///< a checkpoint kept outside is ahead of the storage: an old copy was restored
};
[[nodiscard]] std::string_view nameOf(Damage damage);

struct Finding {
    Damage damage{};
    std::uint64_t index = 0;
    std::string detail;
};

/// Consecutive numbers of one writer that are not consecutive.
struct LseqGap {
    std::string replica;
    std::int64_t epoch = 0;
    std::int64_t after = 0;   ///< the last number before it
    std::int64_t next = 0;    ///< the one that followed
    std::uint64_t index = 0;  ///< where
};

/// What a pass remembers of writers, and hands to the next pass.
struct WriterTrail {
    struct Last {
        std::int64_t lseq = 0;
        std::uint64_t unseen = 0;  ///< bodies without content that had been passed by then
    };
    std::map<std::pair<std::string, std::int64_t>, Last> last;
    std::uint64_t unseen = 0;
    bool fromStart = false;  ///< the trail began with the ledger: an unknown writer must start at 1
};

class VerifyScan {
public:
    struct Options {
        std::uint64_t treeSize = 0;
        /// Bodies of an organization older than this may be gone. Nothing: judged at the end by the entries audit.pruned met on the way.
        std::optional<std::map<std::int64_t, base::Instant>> retainedFrom;
        /// Leaves that an earlier pass saw, from `rememberedFrom` on.
        std::uint64_t rememberedFrom = 0;
        std::vector<Hash> remembered;
        /// Called after each tile with the number of entries in it; blocks to slow the pass down.
        std::function<void(std::size_t)> pace;
    };
    VerifyScan(plugin::Storage& storage, const base::Clock& clock, Options options)
        : storage_(storage), clock_(clock), options_(std::move(options)) {}

    /// The entries [from, until), `from` a multiple of 256. With `fold` every leaf is added to it, and `reached` is called with it
    /// after each. Errors are those of the storage alone.
    base::Result<void> scan(std::uint64_t from, std::uint64_t until, Frontier* fold, const std::function<void(const Frontier&)>& reached);
    /// After the last scan: what the single differences mean together.
    void conclude();
    /// Takes back what single entries differ in: the whole tree was replaced, and that is said once.
    void forgetDifferences() { differences_.clear(); }
    /// Where the leaves of the last, unfinished tile do not give `root`: looks for the one change that explains it. `base` is
    /// the frontier before that tile; `behindTip` the leaf of a row that the tip does not count.
    void explainEdge(const Frontier& base, const Hash& root, const std::optional<Hash>& behindTip);

    std::vector<Finding> findings;
    std::vector<LseqGap> gaps;
    WriterTrail* trail = nullptr;  ///< null: do not look at lseq
    std::uint64_t entriesHashed = 0;
    std::vector<Hash> edge;  ///< leaves of the unfinished tile at the end of the last scan
    std::uint64_t edgeFrom = 0;
    bool broken = false;  ///< rows are missing, so that no root can be computed

private:
    struct Row;
    struct Difference {
        std::uint64_t index = 0;
        Hash content{};  ///< what stands there now
        Hash expected{};
        Damage damage{};
    };
    struct TileAbove {
        std::uint64_t index = 0;
        std::vector<Hash> hashes;
    };
    base::Result<std::vector<Row>> rows(std::uint64_t from, std::uint64_t until);
    base::Result<std::vector<Hash>> scanTile(std::uint64_t tile, std::size_t width, std::span<const Row> rows);
    base::Result<std::optional<std::vector<Hash>>> tile(unsigned level, std::uint64_t index);
    void checkBody(const Row& row);
    void checkMissing(const Row& row);
    void checkLseq(const EntrySkim& entry, std::uint64_t index);
    void checkColumns(const EntrySkim& said, const Row& row);
    void add(Damage damage, std::uint64_t index, std::string detail = {});

    plugin::Storage& storage_;
    const base::Clock& clock_;
    const Options options_;
    std::vector<Difference> differences_;
    std::vector<std::uint64_t> breaks_;  ///< where chain or lseq do not follow
    std::optional<TileAbove> above_;
    std::optional<Hash> previousChain_;
    std::unordered_map<std::string, std::int64_t> numOf_;                      ///< organization and agent id -> the number columns give it
    std::map<std::int64_t, std::pair<base::Instant, std::uint64_t>> missing_;  ///< by organization: youngest body gone, and where
    std::map<std::int64_t, base::Instant> pruned_;                             ///< by organization: what audit.pruned said
    std::vector<std::pair<std::uint64_t, std::uint64_t>> holes_;               ///< [first, end) without rows
};

}  // namespace agentidp::audit
