#include "cli/audit/audit_command.h"

#include <unistd.h>

#include "cli/opened.h"

namespace agentidp::cli {

int runAudit(const Invocation& invocation) {
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    auto words = invocation.words;
    if (invocation.json()) words.emplace_back("--json");
    // A daemon that runs holds the newest entries before any checkpoint covers them: it is asked to sign first.
    const auto daemon = *loaded;
    const bool opensOrigin = words.size() > 1 && words[0] == "origin" && words[1] == "open";
    int code = kFailed;
    const auto opened = open(std::move(*loaded), opensOrigin ? app::Purpose::Write : app::Purpose::Read, code);
    if (!opened) return code;
    auto& foundation = *opened->foundation;

    std::vector<audit::AnchorFolder> anchors{{foundation.dataDir() + "/checkpoints", audit::AnchorFolder::Keeps::Latest}};
    if (const auto& outside = foundation.settings().text(config::Setting::AuditAnchorDir); !outside.empty())
        anchors.push_back({app::absolutePath(outside), audit::AnchorFolder::Keeps::Hourly});
    AuditAccess access{foundation.storage(),
                       opened->clock,
                       opened->log,
                       std::cout,
                       std::cerr,
                       {foundation.dataKeys().checkpoint().publicKey().members().x},
                       std::move(anchors),
                       "cli:" + std::to_string(::getuid())};
    access.signNow = [&daemon]() -> base::Result<void> {
        auto answer = askDaemon(daemon, "audit.checkpoint");
        // No daemon: its last act was a checkpoint of everything.
        if (!answer && answer.error().code != base::Errc::NotFound) return std::move(answer).error();
        return {};
    };
    return auditCommand(words, access);
}

}  // namespace agentidp::cli
