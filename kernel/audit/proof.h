#pragma once
/// @file kernel/audit/proof.h
/// Proofs as values that travel: C2SP tlog-proof text, and the same as JSON. Pure; any thread. Hashes are base64 (RFC 4648
/// section 4) in both.
#include <optional>
#include <string>

#include "audit/checkpoint.h"
#include "audit/merkle.h"

namespace agentidp::audit {

/// That one entry is in the tree a checkpoint signs.
struct InclusionProof {
    std::uint64_t index = 0;
    Hash leaf{};
    Proof hashes;
    SignedCheckpoint checkpoint;
    std::optional<std::string> entry;  ///< its bytes, where the asker may see them and they are still kept

    /// `c2sp.org/tlog-proof@v1`; verifies offline with the entry and the ledger's key.
    [[nodiscard]] std::string text() const;
    /// {index, leafHash, hashes, treeSize, rootHash, checkpoint, entry?}; `entry` as a string, byte for byte.
    [[nodiscard]] std::string json() const;
    [[nodiscard]] bool holds() const { return verifyInclusion(leaf, index, checkpoint.checkpoint.head, hashes); }
};

/// What stands in a tlog-proof text. Errc::Invalid for any other form.
struct ParsedProof {
    std::uint64_t index = 0;
    Proof hashes;
    std::string note;
};
[[nodiscard]] base::Result<ParsedProof> parseProofText(std::string_view text);

/// That the tree of `from` is the beginning of the tree of `to`.
struct ConsistencyProof {
    Head from, to;
    Proof hashes;
    /// {from, to, fromRootHash, toRootHash, hashes}
    [[nodiscard]] std::string json() const;
};

}  // namespace agentidp::audit
