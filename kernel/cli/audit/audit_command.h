#pragma once
/// @file kernel/cli/audit/audit_command.h
/// `agentidp audit verify|prove|export|origin` over a storage that is open already. Works beside a running daemon: everything
/// but `origin open` only reads.
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "audit/anchors.h"
#include "audit/checkpoint.h"
#include "base/clock.h"
#include "observe/log.h"
#include "plugin/storage.h"

namespace agentidp::cli {

struct AuditAccess {
    plugin::Storage& storage;
    const base::Clock& clock;
    observe::Log& log;
    std::ostream& out;
    std::ostream& err;
    audit::LedgerKeys keys;                    ///< what checkpoints are believed by; --key replaces them
    std::vector<audit::AnchorFolder> anchors;  ///< <data.dir>/checkpoints and audit.anchor.dir
    std::string actor;                         ///< "cli:<uid>", for `origin open`
    /// Makes a checkpoint of everything written so far, here or by asking the daemon. Empty: only stored ones are used.
    std::function<base::Result<void>()> signNow = {};
};

/// `words` are those behind "audit", --json and --help among them. Answers the exit code: 0 done (and, for verify, sound), 1
/// failed, unreachable or damaged, 2 misuse. Blocks; one line of progress on a terminal for what takes over two seconds.
int auditCommand(const std::vector<std::string>& words, AuditAccess& access);

/// What --help prints.
[[nodiscard]] std::string_view auditUsage();

}  // namespace agentidp::cli
