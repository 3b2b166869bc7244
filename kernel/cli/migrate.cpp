#include "cli/opened.h"

namespace agentidp::cli {
namespace {

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

}  // namespace

int runMigrate(const Invocation& invocation) {
    const bool up = invocation.words == std::vector<std::string>{"up"};
    if (!up && invocation.words != std::vector<std::string>{"status"}) return refuse("migrate status, or migrate up", kMisuse);
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    int code = kFailed;
    auto opened = std::make_unique<Opened>();
    auto migrated = app::migrateStorage(std::move(*loaded), up ? app::Migrate::Up : app::Migrate::Status, opened->log);
    if (!migrated) return refuse(migrated.error());
    code = print(invocation, *migrated);
    return code;
}

}  // namespace agentidp::cli
