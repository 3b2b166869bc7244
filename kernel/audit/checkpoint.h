#pragma once
/// @file kernel/audit/checkpoint.h
/// Checkpoints (C2SP tlog-checkpoint): origin, size and root of the tree as a signed note, and where they are kept. The signing
/// key's name is the origin.
#include <optional>
#include <string>
#include <vector>

#include "audit/merkle.h"
#include "audit/note.h"
#include "plugin/storage.h"

namespace agentidp::audit {

struct Checkpoint {
    std::string origin;
    Head head;
    [[nodiscard]] std::string text() const;
    static base::Result<Checkpoint> parse(std::string_view text);
};

struct SignedCheckpoint {
    Checkpoint checkpoint;
    std::string note;
};

/// Public keys the ledger signs or signed with, 32 bytes each.
using LedgerKeys = std::vector<base::Bytes>;

/// Errc::Invalid for another form, Errc::Denied where none of `keys` signed it under its origin's name.
[[nodiscard]] base::Result<SignedCheckpoint> openCheckpoint(std::string_view note, const LedgerKeys& keys);
[[nodiscard]] base::Result<SignedCheckpoint> signCheckpoint(const Checkpoint& checkpoint, const base::Bytes& publicKey, const Sign& sign);

/// After a rollback that an operator accepts, the ledger goes on under a new origin: `log`, `log/origin-2`, `log/origin-3`.
[[nodiscard]] std::string nextOrigin(const std::string& origin);
enum class OriginOrder { Same, Earlier, Later, Foreign };
/// How `origin` stands to `now`, the one in force.
[[nodiscard]] OriginOrder compareOrigin(const std::string& origin, const std::string& now);

[[nodiscard]] plugin::Op insertCheckpoint(const SignedCheckpoint& checkpoint, base::Instant at);
/// The stored notes of one origin whose size is in [from, until), largest first, at most `limit`. Signatures are not looked at.
[[nodiscard]] plugin::Op selectNotes(const std::string& origin, std::uint64_t from, std::uint64_t until, std::uint32_t limit);
[[nodiscard]] base::Result<std::vector<std::string>> decodeNotes(const plugin::OpResult& result);
/// The largest stored checkpoint of `origin` that `keys` signed; nothing where none is stored. Blocks for one read.
[[nodiscard]] base::Result<std::optional<SignedCheckpoint>> readLastCheckpoint(plugin::Storage& storage, const base::Clock& clock,
                                                                               const std::string& origin, const LedgerKeys& keys);

}  // namespace agentidp::audit
