#pragma once
/// @file kernel/audit/checkpointer.h
/// Signs what the ledger is, and refuses to where it is not an extension of what was signed before.
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "audit/anchors.h"
#include "audit/checkpoint.h"
#include "audit/ledger.h"
#include "audit/tip.h"
#include "base/guarded.h"
#include "observe/log.h"

namespace agentidp::audit {

struct CheckpointerOptions {
    std::string holder;         ///< this process, for the lease: one replica signs at a time
    base::seconds interval{5};  ///< 1 with a witness
    base::Bytes publicKey;      ///< Ed25519, 32 bytes
    Sign sign;
    LedgerKeys formerKeys;              ///< still believed, no longer used
    std::vector<AnchorFolder> anchors;  ///< <data.dir>/checkpoints, and audit.anchor.dir where set
};

struct CheckpointStats {
    std::uint64_t signedSize = 0;
    double unanchoredSeconds = 0;        ///< since when the ledger has had entries that no checkpoint covers
    std::optional<base::Error> refused;  ///< set: the ledger contradicts its last checkpoint
};

/// Any thread. All but stats block for storage, the signer and the disk, and take turns: the scheduler's tick, and whoever wants a
/// signature at once.
class Checkpointer {
public:
    /// `storage`, `clock` and `log` outlive it.
    Checkpointer(plugin::Storage& storage, const base::Clock& clock, observe::Log& log, CheckpointerOptions options);

    /// Once a second: signs if the interval has passed, the ledger grew and this replica holds the lease; thins once an hour.
    /// Errc::Conflict "audit rollback": the ledger is no extension of the last checkpoint.
    base::Result<void> tick();
    /// The same at once, whoever holds the lease: the last thing of a shutdown.
    base::Result<void> signNow();
    /// Leaves one checkpoint an hour of those older than a day.
    base::Result<void> thin();
    [[nodiscard]] CheckpointStats stats();

private:
    [[nodiscard]] LedgerKeys keys() const;
    base::Result<void> signTree(const std::string& origin);
    base::Result<void> thinOut();
    base::Result<void> mayFollow(const Tip& tip, const std::optional<SignedCheckpoint>& last);
    base::Result<void> anchor(const SignedCheckpoint& checkpoint);
    void note(std::uint64_t signedSize, std::uint64_t treeSize);

    plugin::Storage& storage_;
    const base::Clock& clock_;
    observe::Log& log_;
    const CheckpointerOptions options_;
    std::mutex turn_;                            ///< guards what follows, up to shared_
    std::optional<SignedCheckpoint> last_;       ///< signed or seen by this process
    std::optional<SignedCheckpoint> unwritten_;  ///< signed, but not in every anchor folder yet
    base::MonoInstant signedAt_{};
    base::MonoInstant thinnedAt_{};
    bool everThinned_ = false;
    struct Shared {
        std::uint64_t signedSize = 0;
        std::optional<base::MonoInstant> grownSince;
        std::optional<base::Error> refused;
    };
    base::Guarded<Shared> shared_;
};

/// Before the appender starts: does the stored ledger extend every checkpoint that storage and anchors remember? Errc::Conflict
/// with the hint "audit rollback" where it does not, or where an anchor is of no key of ours; its detail says which and how.
[[nodiscard]] base::Result<void> checkStart(plugin::Storage& storage, const base::Clock& clock, const std::vector<AnchorFolder>& anchors,
                                            const LedgerKeys& keys);

/// After a rollback, an operator's word: an Effect that renames the ledger to its next origin and says so in an entry that
/// carries `lastNote`, the checkpoint that can no longer be extended. Append it through a started appender.
[[nodiscard]] base::Result<Effect> openOrigin(plugin::Storage& storage, const base::Clock& clock, const std::string& actor,
                                              const std::string& lastNote);

}  // namespace agentidp::audit
