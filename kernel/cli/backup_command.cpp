/// `agentidp backup`: the storage plugin's own copy in a file that can be checked. Beside a running daemon it is a snapshot; the daemon
/// is asked to sign a checkpoint first, and to write down who took a copy.
#include <algorithm>
#include <limits>

#include "audit/checkpoint.h"
#include "audit/tip.h"
#include "base/text.h"
#include "cli/backup/backup_file.h"
#include "cli/opened.h"
#include "store/reads.h"

namespace agentidp::cli {
namespace {

using base::Errc;
using base::fail;
using config::Setting;

/// Long enough for any store that is copied at the speed of a slow disk, short enough to end by itself.
constexpr std::chrono::hours kCopyWithin{6};

/// Daemon or none: who copies is written down where one runs, and its newest entries get a checkpoint.
base::Result<void> tellDaemon(const config::Loaded& loaded) {
    auto told = askDaemon(loaded, "backup");
    if (!told && told.error().code != Errc::NotFound) return std::move(told).error();
    return {};
}

base::Result<BackupHeader> describe(app::Foundation& foundation) {
    auto& storage = foundation.storage();
    const auto& clock = foundation.clock();
    const auto status = storage.migrate(app::Foundation::schema(), false, plugin::callWithin(clock, base::seconds(10)));
    if (!status) return status.error();
    if (status->current == 0) return fail(Errc::NotFound, "there is nothing to copy: the store is empty");
    BackupHeader header;
    header.backend = storage.backend();
    header.schema = status->current;
    header.takenAt = clock.now();
    header.program = AGENTIDP_VERSION;
    const auto tip = audit::readTip(storage, clock);
    if (!tip && tip.error().code != Errc::NotFound) return tip.error();
    if (!tip) return header;
    header.origin = tip->origin;
    header.ledgerSize = tip->frontier.size();
    const auto stored = storage.read({audit::selectNotes(tip->origin, 0, std::numeric_limits<std::uint64_t>::max(), 1)},
                                     plugin::callWithin(clock, store::kReadDeadline));
    if (!stored) return stored.error();
    const auto notes = audit::decodeNotes(stored->front());
    if (!notes) return notes.error();
    if (!notes->empty()) header.checkpoint = notes->front();
    return header;
}

/// What a restore needs and the file does not hold.
std::vector<std::string> keptElsewhere(const app::Foundation& foundation) {
    const auto& settings = foundation.settings();
    std::vector<std::string> out;
    for (const auto setting : {Setting::KeysPlugin, Setting::KeysPrevious}) {
        const auto& plugin = settings.text(setting);
        if (plugin.empty()) continue;
        if (plugin != "file") {
            out.push_back("the key service behind keys-" + plugin + ", by its own means of backup");
            continue;
        }
        std::string dir = foundation.dataDir() + "/keys", kek;
        for (const auto& given : settings.plugin("keys-file")) {
            if (given.key == "dir") dir = given.value;
            if (given.key == "kek") kek = given.value;
        }
        out.push_back(kek.empty() ? dir + " (signing keys, and kek, the key that opens them and this backup's data keys)"
                                  : dir + " (signing keys), and apart from it the key-encryption key " + kek);
    }
    out.push_back("the settings" + (foundation.loaded().file.empty() ? std::string() : ": " + foundation.loaded().file) +
                  ", and the secrets they refer to");
    if (const auto& anchors = settings.text(Setting::AuditAnchorDir); !anchors.empty())
        out.push_back(app::absolutePath(anchors) + " (checkpoints: what notices that a restored ledger is older)");
    return out;
}

base::Result<std::uint64_t> copy(app::Foundation& foundation, BackupWriter& writer, const BackupHeader& header) {
    if (auto begun = writer.begin(header); !begun) return std::move(begun).error();
    Progress progress("backup");
    base::Result<void> written;
    auto copied = foundation.storage().backup(
        [&](base::BytesView piece) {
            written = writer.write(piece);
            progress.say(std::to_string(writer.bytes() >> 20U) + " MiB");
            return written.ok();
        },
        plugin::callWithin(foundation.clock(), kCopyWithin));
    if (!written) return std::move(written).error();
    if (!copied) return std::move(copied).error();
    if (auto finished = writer.finish(); !finished) return std::move(finished).error();
    return writer.bytes();
}

void tell(std::ostream& out, const Invocation& invocation, const std::string& path, std::uint64_t bytes, const BackupHeader& header,
          const std::vector<std::string>& elsewhere) {
    if (invocation.json()) {
        base::json::Array kept;
        for (const auto& place : elsewhere) kept.emplace_back(place);
        out << base::json::write(base::json::Object{{"file", path},
                                                    {"bytes", static_cast<std::int64_t>(bytes)},
                                                    {"header", header.json()},
                                                    {"notIncluded", std::move(kept)}})
            << std::endl;
        return;
    }
    out << "backup " << path << ": " << bytes << " bytes, " << header.backend << ", schema " << header.schema << ", ledger of "
        << header.ledgerSize << " entries\nnot in it, and needed to restore it; keep these apart from it, or whoever finds one has all:\n";
    for (const auto& place : elsewhere) out << "  " << place << "\n";
    out << std::flush;
}

}  // namespace

int runBackup(const Invocation& invocation) {
    const auto& words = invocation.words;
    std::string path;
    if (words.size() == 2 && words[0] == "--to") path = words[1];
    if (words.size() == 1 && words[0].starts_with("--to=")) path = words[0].substr(5);
    if (path.empty()) return refuse("backup --to FILE, or backup --to - for standard output", kMisuse);
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    auto writer = BackupWriter::open(path);
    if (!writer) return refuse(writer.error());
    if (auto told = tellDaemon(*loaded); !told) return refuse(told.error());
    Opened opened;
    auto foundation = app::Foundation::openStorage(std::move(*loaded), app::Lock::Leave, opened.log);
    if (!foundation) return refuse(foundation.error());
    const auto header = describe(**foundation);
    if (!header) return refuse(header.error());
    const auto bytes = copy(**foundation, *writer, *header);
    if (!bytes) return refuse(bytes.error());
    tell(path == "-" ? std::cerr : std::cout, invocation, path, *bytes, *header, keptElsewhere(**foundation));
    return kDone;
}

}  // namespace agentidp::cli
