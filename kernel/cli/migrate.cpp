#include "cli/backup/store_copy.h"
#include "cli/opened.h"

namespace agentidp::cli {
namespace {

using config::Setting;

constexpr base::milliseconds kMigration{60'000};

int print(const Invocation& invocation, const plugin::MigrationStatus& status) {
    if (invocation.json()) {
        base::json::Array pending;
        for (const auto& step : status.pending) pending.emplace_back(step);
        std::cout << base::json::write(
                         base::json::Object{{"current", status.current}, {"wanted", status.wanted}, {"pending", std::move(pending)}})
                  << "\n";
    } else {
        std::cout << "schema " << status.current << " of " << status.wanted << "\n";
        for (const auto& step : status.pending) std::cout << "pending: " << step << "\n";
    }
    return kDone;
}

int print(const Invocation& invocation, const std::vector<CopiedTable>& tables) {
    base::json::Object counted;
    for (const auto& table : tables) {
        counted.emplace_back(table.name, static_cast<std::int64_t>(table.rows));
        if (!invocation.json()) std::cout << table.name << ": " << table.rows << " rows\n";
    }
    if (invocation.json()) std::cout << base::json::write(counted) << "\n";
    return kDone;
}

/// The old store has to have every step, so that both know the same tables.
base::Result<void> readySource(app::Foundation& source) {
    const auto status = source.storage().migrate(app::Foundation::schema(), false, plugin::callWithin(source.clock(), kMigration));
    if (!status) return status.error();
    if (status->current == 0) return base::fail(base::Errc::NotFound, "there is nothing to copy: the old store is empty");
    if (status->pending.empty()) return {};
    return base::fail(base::Errc::Invalid, "the old store has pending steps: run agentidp migrate up with it first");
}

base::Result<std::vector<CopiedTable>> copyFrom(const Invocation& invocation, const std::string& plugin, config::Loaded loaded) {
    if (loaded.settings.text(Setting::StoragePlugin) == plugin)
        return base::fail(base::Errc::Invalid, "storage.plugin = " + plugin + " names the store to copy from; set it to the new one");
    auto sources = invocation.sources;
    sources.definitions.push_back("storage.plugin=" + plugin);
    auto old = config::load(sources);
    if (!old.ok()) return base::fail(base::Errc::Invalid, old.problems.front().text);
    Opened opened;
    auto target = app::Foundation::openStorage(std::move(loaded), app::Lock::Take, opened.log);
    if (!target) return std::move(target).error();
    auto source = app::Foundation::openStorage(std::move(old), app::Lock::Leave, opened.log);
    if (!source) return std::move(source).error();
    if (auto ready = readySource(**source); !ready) return std::move(ready).error();
    auto& storage = (*target)->storage();
    auto migrated = storage.migrate(app::Foundation::schema(), true, plugin::callWithin(opened.clock, kMigration));
    if (!migrated) return std::move(migrated).error();
    Progress progress("copy");
    return copyStore((*source)->storage(), storage, app::Foundation::schema(), opened.clock,
                     [&progress](const CopiedTable& table) { progress.say(table.name + " " + std::to_string(table.rows)); });
}

}  // namespace

int runMigrate(const Invocation& invocation) {
    const auto& words = invocation.words;
    const bool up = words == std::vector<std::string>{"up"};
    const bool copy = words.size() == 3 && words[0] == "copy" && words[1] == "--from";
    if (!up && !copy && words != std::vector<std::string>{"status"})
        return refuse("migrate status, migrate up, or migrate copy --from PLUGIN", kMisuse);
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    if (copy) {
        const auto tables = copyFrom(invocation, words[2], std::move(*loaded));
        return tables ? print(invocation, *tables) : refuse(tables.error());
    }
    Opened opened;
    auto migrated = app::migrateStorage(std::move(*loaded), up ? app::Migrate::Up : app::Migrate::Status, opened.log);
    return migrated ? print(invocation, *migrated) : refuse(migrated.error());
}

}  // namespace agentidp::cli
