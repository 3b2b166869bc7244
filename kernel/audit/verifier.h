#pragma once
/// @file kernel/audit/verifier.h
/// Is the stored ledger what was signed? Three depths: Incremental (new entries, the unfinished tile, and a sweep over a part
/// of the old ones), Sampled (that, and random inclusion proofs), Full (everything again from the first entry).
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "audit/anchors.h"
#include "audit/checkpoint.h"
#include "audit/tip.h"
#include "audit/verify_scan.h"

namespace agentidp::audit {

enum class VerifyMode { Incremental, Sampled, Full };

struct VerifyReport {
    bool ok = false;
    std::uint64_t from = 0;  ///< entries [from, to) were checked one after the other
    std::uint64_t to = 0;
    std::optional<SignedCheckpoint> checkpoint;  ///< the newest that agrees
    std::uint64_t entriesHashed = 0;
    std::optional<std::uint64_t> firstBad;
    std::vector<LseqGap> lseqGaps;
    std::vector<Finding> findings;
    /// {ok, from, to, checkpoint, entriesHashed, firstBad, lseqGaps, findings}
    [[nodiscard]] std::string json() const;
};

struct VerifierOptions {
    LedgerKeys keys;
    std::vector<AnchorFolder> anchors;
    std::uint64_t sweep = 20'000;                   ///< old entries looked at again by each incremental pass
    std::uint64_t samples = 10'000;                 ///< random inclusion proofs
    std::function<std::uint64_t()> random;          ///< for samples; by default the kernel's random source
    std::function<void(std::size_t entries)> pace;  ///< called after each page: progress, or a pause to spare the storage
};

/// verify blocks for storage and may take long; one at a time: a second caller waits for the first and gets its report if
/// that began after the call. Any thread.
class Verifier {
public:
    /// `storage` and `clock` outlive it.
    Verifier(plugin::Storage& storage, const base::Clock& clock, VerifierOptions options);

    /// An Error is one of the storage; damage is in the report.
    base::Result<VerifyReport> verify(VerifyMode mode);

private:
    struct Note;
    struct Pass;
    base::Result<VerifyReport> verifyAlone(VerifyMode mode);
    base::Result<void> collectNotes(Pass& pass, VerifyMode mode);
    void judgeNotes(Pass& pass);
    base::Result<Frontier> base(Pass& pass, VerifyMode mode);
    base::Result<void> sweep(Pass& pass, std::uint64_t until);
    base::Result<void> sample(Pass& pass, const Head& head);

    plugin::Storage& storage_;
    const base::Clock& clock_;
    const VerifierOptions options_;

    std::mutex mutex_;            ///< held for a whole pass
    std::mutex counters_;         ///< of the four below
    std::uint64_t started_ = 0;   ///< passes begun
    std::uint64_t finished_ = 0;  ///< the last finished pass by that count
    VerifyMode lastMode_ = VerifyMode::Incremental;
    std::optional<VerifyReport> last_;

    /// What the last good pass proved; the next incremental one starts from it.
    struct Memory {
        std::string origin;
        Frontier base;           ///< up to the unfinished tile
        std::vector<Hash> edge;  ///< the leaves of that tile
        Head head;               ///< of everything verified
        WriterTrail trail;
        std::optional<SignedCheckpoint> checkpoint;
    };
    std::optional<Memory> memory_;
    std::uint64_t swept_ = 0;
};

}  // namespace agentidp::audit
