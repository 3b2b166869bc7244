#pragma once
/// @file kernel/audit/tip.h
/// The one row of audit_tip: what the ledger is right now. Written by the appender alone, under the lock "audit".
#include <optional>
#include <string>

#include "audit/merkle.h"
#include "plugin/storage.h"

namespace agentidp::audit {

/// The lock that orders all appenders of all replicas.
inline constexpr std::string_view kLedgerLock = "audit";

struct Tip {
    std::string origin;
    Frontier frontier;
    Hash root{};
    Hash chain{};  ///< the reference's hash of the last event
    base::Instant updatedAt;
    [[nodiscard]] Head head() const { return {frontier.size(), root}; }
};

[[nodiscard]] plugin::Op selectTip();
/// Nothing where there is no ledger yet. Errc::Internal where the row contradicts itself (its frontier does not give its root).
[[nodiscard]] base::Result<std::optional<Tip>> decodeTip(const plugin::OpResult& result);
/// Blocks for one read. NotFound where there is no ledger yet.
[[nodiscard]] base::Result<Tip> readTip(plugin::Storage& storage, const base::Clock& clock);

/// Inserts the tip of an empty ledger unless there is one.
[[nodiscard]] plugin::Op insertEmptyTip(const std::string& origin, base::Instant now);
/// Moves the tip; Conflict or NotFound where it is no longer at `from`.
[[nodiscard]] plugin::Op moveTip(const Head& from, const Tip& to);

}  // namespace agentidp::audit
