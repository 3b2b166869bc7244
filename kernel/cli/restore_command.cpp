/// `agentidp restore`: a backup into an empty store, then what an archived log knows of the time since. The daemon starts afterwards, and
/// refuses to while the ledger contradicts a checkpoint that somebody kept (audit-rollback): that is an operator's word to give.
#include <unistd.h>

#include <fstream>

#include "app/initialise.h"
#include "audit/appender.h"
#include "audit/checkpointer.h"
#include "base/ids.h"
#include "base/text.h"
#include "cli/backup/backup_file.h"
#include "cli/backup/replay.h"
#include "cli/opened.h"

namespace agentidp::cli {
namespace {

using base::Errc;
using base::fail;
using config::Setting;
namespace json = base::json;

constexpr std::chrono::hours kRestoreWithin{6};
constexpr base::milliseconds kMigration{60'000};
/// Operations of one Effect: short transactions, whatever the archive holds.
constexpr std::size_t kSlice = 200;

struct Wishes {
    std::string from;
    std::string replay;
};

base::Result<Wishes> wishesOf(const std::vector<std::string>& words) {
    Wishes out;
    for (std::size_t at = 0; at < words.size(); ++at) {
        const auto equals = words[at].find('=');
        const auto option = words[at].substr(0, equals);
        auto* into = option == "--from" ? &out.from : option == "--replay" ? &out.replay : nullptr;
        if (into == nullptr) return fail(Errc::Invalid, "restore knows no " + words[at] + "; see agentidp restore --help");
        if (equals == std::string::npos && ++at == words.size()) return fail(Errc::Invalid, option + " wants a file");
        *into = equals == std::string::npos ? words[at] : words[at].substr(equals + 1);
    }
    if (out.from.empty() && out.replay.empty()) return fail(Errc::Invalid, "restore --from FILE [--replay ENTRIES]");
    return out;
}

base::Result<void> fill(app::Foundation& foundation, BackupReader& backup) {
    auto& storage = foundation.storage();
    const auto& made = backup.header().backend;
    if (made != storage.backend())
        return fail(Errc::Invalid, "the backup is of " + made +
                                       " and storage.plugin = " + foundation.settings().text(Setting::StoragePlugin) +
                                       " is another; restore it with the plugin it was made with");
    Progress progress("restore");
    std::uint64_t done = 0;
    auto restored = storage.restore(
        [&](std::span<std::uint8_t> into) {
            const auto got = backup.read(into);
            done += static_cast<std::uint64_t>(std::max<std::int64_t>(got, 0));
            progress.say(std::to_string(done >> 20U) + " of " + std::to_string(backup.streamBytes() >> 20U) + " MiB");
            return got;
        },
        plugin::callWithin(foundation.clock(), kRestoreWithin));
    if (!restored && restored.error().code == Errc::Conflict)
        return fail(Errc::Conflict, "the store is not empty: " + restored.error().hint + "; name another data.dir or database");
    return restored;
}

base::Result<Replay> planOf(const std::string& path, app::Foundation& foundation) {
    std::ifstream archive(path, std::ios::binary);
    if (!archive) return fail(Errc::NotFound, path + " cannot be read");
    return planReplay(archive, foundation.storage(), foundation.clock());
}

/// State and what is said about it are one commit, like every other change.
base::Result<void> write(app::Foundation& foundation, observe::Log& log, const std::optional<BackupHeader>& header,
                         const std::optional<Replay>& replay) {
    auto replica = app::replicaName(foundation.dataDir());
    if (!replica) return std::move(replica).error();
    audit::LedgerOptions options;
    options.replica = *replica;
    options.origin = "agentidp/" + *replica;
    audit::LedgerAppender ledger(foundation.storage(), foundation.clock(), log, std::move(options));
    if (auto started = ledger.start(); !started) return started;

    audit::Effect effect;
    model::AuditEvent event;
    event.timestamp = foundation.clock().now();
    event.eventId = model::EventId(base::uuidV7(event.timestamp));
    event.action = model::Action::BackupRestored;
    event.actor = "cli:" + std::to_string(::getuid());
    json::Object metadata;
    if (header) {
        metadata.emplace_back("backupOf", base::rfc3339(header->takenAt));
        metadata.emplace_back("ledgerSize", static_cast<std::int64_t>(header->ledgerSize));
    }
    if (replay) {
        metadata.emplace_back("replayedEntries", static_cast<std::int64_t>(replay->newer));
        metadata.emplace_back("tokensRevoked", static_cast<std::int64_t>(replay->tokensRevoked));
        metadata.emplace_back("credentialsRevoked", static_cast<std::int64_t>(replay->credentialsRevoked.size()));
        metadata.emplace_back("agentsStopped", static_cast<std::int64_t>(replay->agentsStopped.size()));
    }
    event.metadataJson = json::write(metadata);
    effect.events.push_back(std::move(event));
    Progress progress("replay");
    std::size_t at = 0;
    const auto all = replay ? replay->ops.size() : 0;
    do {
        for (std::size_t end = std::min(all, at + kSlice); at < end; ++at) effect.ops.push_back(replay->ops[at]);
        if (auto done = app::appendAndWait(ledger, std::move(effect)); !done) return std::move(done).error();
        effect = {};
        progress.say(std::to_string(at) + " of " + std::to_string(all));
    } while (at < all);
    return ledger.stop(base::milliseconds(10'000));
}

/// How the restored ledger stands to what others remember of it: empty where it extends everything.
std::string judge(app::Foundation& foundation, const std::optional<BackupHeader>& header) {
    if (auto opened = foundation.openKeys(); !opened)
        return "the keys cannot be opened, and the daemon will not start without them: " + opened.error().hint;
    const audit::LedgerKeys keys{foundation.dataKeys().checkpoint().publicKey().members().x};
    if (header && !header->checkpoint.empty() && !audit::openCheckpoint(header->checkpoint, keys))
        return "the backup's checkpoint is of another key than the one these keys hold";
    std::vector<audit::AnchorFolder> anchors{{foundation.dataDir() + "/checkpoints", audit::AnchorFolder::Keeps::Latest}};
    if (const auto& outside = foundation.settings().text(Setting::AuditAnchorDir); !outside.empty())
        anchors.push_back({app::absolutePath(outside), audit::AnchorFolder::Keeps::Hourly});
    const auto start = audit::checkStart(foundation.storage(), foundation.clock(), anchors, keys);
    if (start) return {};
    if (start.error().code != Errc::Conflict) return start.error().hint;
    return "audit rollback: " + start.error().detail +
           ". The daemon will not start until you accept that: agentidp audit origin open --yes";
}

void tell(const Invocation& invocation, const std::optional<BackupHeader>& header, const std::optional<Replay>& replay,
          const std::string& problem) {
    if (invocation.json()) {
        json::Object out;
        if (header) out.emplace_back("restored", header->json());
        if (replay) out.emplace_back("replay", replay->json());
        out.emplace_back("problem", problem);
        std::cout << json::write(out) << std::endl;
        return;
    }
    if (header)
        std::cout << "restored: " << header->backend << ", schema " << header->schema << ", ledger of " << header->ledgerSize
                  << " entries, as of " << base::rfc3339(header->takenAt) << "\n";
    if (replay) {
        std::cout << "replayed: " << replay->newer << " entries behind it; " << replay->tokensRevoked << " tokens, "
                  << replay->credentialsRevoked.size() << " credentials and " << replay->agentsStopped.size() << " agents are dead again\n";
        const auto list = [](const std::set<std::string>& names, std::string_view what) {
            if (names.empty()) return;
            std::cout << what << "\n";
            for (const auto& name : names) std::cout << "  " << name << "\n";
        };
        list(replay->keysIssued, "signing keys made since, unknown here: what they signed does not verify");
        list(replay->keysCompromised,
             "signing keys retired as compromised since; before the daemon starts: agentidp keys retire KID --compromised");
        list(replay->agentsLost, "agents registered since, lost");
        list(replay->credentialsLost, "credentials made or rotated since, lost: give their agents new ones");
        list(replay->agentsOutOfDate, "agents edited since: look at their scopes");
        if (replay->organizationsChanged != 0)
            std::cout << "changes of organizations since, lost: " << replay->organizationsChanged << "\n";
    }
    if (!problem.empty()) std::cout << problem << "\n";
    std::cout << std::flush;
}

}  // namespace

int runRestore(const Invocation& invocation) {
    const auto wishes = wishesOf(invocation.words);
    if (!wishes) return refuse(wishes.error());
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    std::optional<BackupReader> backup;
    std::optional<BackupHeader> header;
    if (!wishes->from.empty()) {
        Progress progress("checking");
        auto read = BackupReader::open(wishes->from, [&](std::uint64_t seen) { progress.say(std::to_string(seen >> 20U) + " MiB"); });
        if (!read) return refuse(read.error());
        header = read->header();
        backup.emplace(std::move(*read));
    }
    if (!wishes->replay.empty() && ::access(wishes->replay.c_str(), R_OK) != 0) return refuse(wishes->replay + " cannot be read", kFailed);

    Opened opened;
    auto held = app::Foundation::openStorage(std::move(*loaded), app::Lock::Take, opened.log);
    if (!held) return refuse(held.error());
    auto& foundation = **held;
    if (backup) {
        if (auto filled = fill(foundation, *backup); !filled) return refuse(filled.error());
    }
    // An older backup is brought up to date here, so that what is replayed finds the tables it knows.
    auto migrated =
        foundation.storage().migrate(app::Foundation::schema(), backup.has_value(), plugin::callWithin(foundation.clock(), kMigration));
    if (!migrated) return refuse(migrated.error());
    if (migrated->current == 0) return refuse("there is nothing to replay into: the store is empty; restore --from FILE first", kFailed);
    std::optional<Replay> replay;
    if (!wishes->replay.empty()) {
        auto planned = planOf(wishes->replay, foundation);
        if (!planned) return refuse(planned.error());
        replay = std::move(*planned);
    }
    const auto problem = judge(foundation, header);
    if (auto written = write(foundation, opened.log, header, replay); !written) return refuse(written.error());
    tell(invocation, header, replay, problem);
    return kDone;
}

}  // namespace agentidp::cli
