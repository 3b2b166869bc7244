#pragma once
/// @file kernel/cli/backup/replay.h
/// What an archived log says that a restored backup does not know: what must stay dead is killed again, what is lost is told.
/// The archive is the output of `agentidp audit export --format entries`: one entry a line, in ledger order.
#include <istream>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "plugin/storage.h"

namespace agentidp::cli {

/// Decided from the archive alone; nothing was written yet.
struct Replay {
    std::size_t entries = 0;  ///< in the archive
    std::size_t newer = 0;    ///< of them, behind the store
    /// Each leaves the store as it is when it runs twice.
    std::vector<plugin::Op> ops;

    std::size_t tokensRevoked = 0;  ///< those that have not run out by themselves
    std::set<std::string> credentialsRevoked;
    std::set<std::string> agentsStopped;    ///< suspended or decommissioned
    std::set<std::string> agentsLost;       ///< registered after the backup
    std::set<std::string> credentialsLost;  ///< made or rotated after it: their secrets are unknown here
    std::set<std::string> agentsOutOfDate;  ///< edited after it: scopes may be wider here than they should be
    std::set<std::string> keysIssued;       ///< kids; what they signed does not verify here
    std::set<std::string> keysCompromised;  ///< kids retired as compromised after it
    std::size_t organizationsChanged = 0;   ///< made or edited after it

    [[nodiscard]] base::json::Value json() const;
};

/// Reads `archive` to its end. The store is asked once how far each of its writers had come. Errc::Invalid names the line that is no
/// entry. A rotated credential is revoked like a revoked one: its new secret is not here, and the old one was ended.
[[nodiscard]] base::Result<Replay> planReplay(std::istream& archive, plugin::Storage& storage, const base::Clock& clock);

}  // namespace agentidp::cli
