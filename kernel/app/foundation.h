#pragma once
/// @file kernel/app/foundation.h
/// What the daemon and the offline commands stand on: settings, log, plugins, an up-to-date schema, the data keys. Opened in an
/// order in which a refusal leaves the data directory as it was.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/data_folder.h"
#include "base/clock.h"
#include "base/thread_pool.h"
#include "base/watched_clock.h"
#include "config/loader.h"
#include "config/secret_ref.h"
#include "keys/data_keys.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "plugin/catalog.h"

namespace agentidp::app {

enum class Purpose {
    Serve,  ///< the daemon: takes the lock, migrates as the settings say
    Write,  ///< a command that changes something: takes the lock, refuses an old schema
    Read,   ///< a command that looks: no lock, no migration, and no data key is made or moved
};

/// The pieces a job or plugin may be offered by the daemon, empty elsewhere.
struct PluginOffers {
    std::function<base::Result<void>(std::string_view plugin, std::string_view action, base::json::Value metadata)> audit;
    std::function<const void*(std::string_view plugin, std::string_view name, std::uint32_t minMinor)> iface;
};

enum class Migrate { Status, Up };
enum class Lock { Take, Leave };

class Foundation {
public:
    /// The settings must have no problems. Errors: Invalid for what the operator must mend, others for what may pass.
    static base::Result<std::unique_ptr<Foundation>> open(config::Loaded loaded, Purpose purpose, observe::Log& log,
                                                          PluginOffers offers = {});
    /// The storage plugin alone, for what works on the store as a whole: nothing is migrated, and no key is needed. Of the members
    /// below, keys() and dataKeys() are there after openKeys() only.
    static base::Result<std::unique_ptr<Foundation>> openStorage(config::Loaded loaded, Lock lock, observe::Log& log);
    /// After openStorage: the keys plugins and the data keys, which are looked at and not made.
    base::Result<void> openKeys();
    ~Foundation();
    Foundation(const Foundation&) = delete;
    Foundation& operator=(const Foundation&) = delete;

    [[nodiscard]] const config::Settings& settings() const { return loaded_.settings; }
    [[nodiscard]] const config::Loaded& loaded() const { return loaded_; }
    [[nodiscard]] const config::SecretResolver& secrets() const { return secrets_; }
    [[nodiscard]] const base::WatchedClock& clock() const { return clock_; }
    /// Asks storage for its time, and lets the clock compare. Fails where storage cannot be read, and changes nothing then.
    base::Result<void> watchClock();
    [[nodiscard]] observe::Log& log() { return log_; }
    [[nodiscard]] observe::Metrics& metrics() { return metrics_; }
    [[nodiscard]] const std::string& dataDir() const { return dataDir_; }
    [[nodiscard]] const std::string& runtimeDir() const { return runtimeDir_; }
    [[nodiscard]] plugin::Catalog& plugins() { return *plugins_; }
    [[nodiscard]] plugin::Storage& storage() { return plugins_->storage(); }
    [[nodiscard]] plugin::Keys& keys() { return plugins_->keys(); }
    [[nodiscard]] plugin::Keys* previousKeys() { return plugins_->previousKeys(); }
    /// Null where no client secret is kept outside storage.
    [[nodiscard]] plugin::SecretStore* secretStore() { return plugins_->secrets(); }
    [[nodiscard]] const keys::DataKeys& dataKeys() const { return *dataKeys_; }
    /// migrations/schema.json as it was compiled in.
    [[nodiscard]] static std::string_view schema();

private:
    Foundation(config::Loaded loaded, observe::Log& log);
    base::Result<void> prepare(Purpose purpose, PluginOffers offers);
    base::Result<void> lock();
    void openCatalog(PluginOffers offers);
    base::Result<void> add(std::uint32_t kind, const std::string& name, plugin::Wanted::Role role);
    base::Result<void> addKeys();
    base::Result<void> openDataKeys(keys::DataKeys::Access access);
    base::Result<void> migrate(Purpose purpose);

    config::Loaded loaded_;
    config::SecretResolver secrets_;
    base::SystemClock system_;
    base::WatchedClock clock_{system_};
    observe::Log& log_;
    observe::Metrics metrics_;
    std::string dataDir_;
    std::string runtimeDir_;
    std::optional<DataLock> lock_;
    base::ThreadPool deferred_;
    std::unique_ptr<plugin::Catalog> plugins_;
    std::unique_ptr<const keys::DataKeys> dataKeys_;
};

/// `agentidp migrate`: opens the storage plugin alone. Up takes the lock.
[[nodiscard]] base::Result<plugin::MigrationStatus> migrateStorage(config::Loaded loaded, Migrate what, observe::Log& log);

/// What a start would refuse of the plugin files the settings name, without running any of them.
[[nodiscard]] std::vector<std::string> judgePluginFiles(const config::Settings& settings);

/// Paths of the settings, which both the daemon and the CLI need before anything is opened.
[[nodiscard]] std::string dataDirOf(const config::Settings& settings);
[[nodiscard]] std::string runtimeDirOf(const config::Settings& settings);
[[nodiscard]] std::string controlSocketOf(const config::Settings& settings);

}  // namespace agentidp::app
