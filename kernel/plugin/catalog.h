#pragma once
/// @file kernel/plugin/catalog.h
/// The plugins of one daemon: found, judged, loaded, started, counted. Loading is the handshake of docs/plugin-authors, step by
/// step; the first step that fails is the error, one line that names the step, the file and the mend.
#include <memory>
#include <string>
#include <vector>

#include "plugin/instance.h"
#include "plugin/job_plugin.h"
#include "plugin/keys_plugin.h"
#include "plugin/rate_limiter_plugin.h"
#include "plugin/secret_store_plugin.h"
#include "plugin/settings_schema.h"
#include "plugin/shared_object.h"
#include "plugin/storage_plugin.h"

namespace agentidp::plugin {

enum class Trust {
    Owner,   ///< file and folders belong to root or this user, and nobody else may write them
    Pinned,  ///< and the file's SHA-256 is the configured one
};

struct CatalogSettings {
    std::vector<std::string> path;  ///< folders, absolute, in order
    Trust trust = Trust::Owner;
    InstanceLimits limits;
};

/// One plugin as the configuration names it.
struct Wanted {
    std::uint32_t kind = 0;  ///< AIP_KIND_*
    std::string name;        ///< "file" of keys-file
    /// Which of the two keys plugins.
    enum class Role { Active, Previous };
    Role role = Role::Active;
    std::string sha256;                 ///< `plugins.<kind>-<name>.sha256`; empty: not given
    std::vector<SettingText> settings;  ///< the plugin's own, without sha256
};
/// [a-z][a-z0-9]*(-[a-z0-9]+)*, at most 48 characters.
[[nodiscard]] bool isPluginName(std::string_view text);
/// Splits `plugins.<kind>-<name>.*` into the host's own member (sha256) and the plugin's.
[[nodiscard]] Wanted wanted(std::uint32_t kind, std::string name, std::vector<SettingText> settings);

/// What the audit event plugin.loaded and `agentidp plugin list` tell.
struct PluginInfo {
    std::string plugin;  ///< "keys-file"
    std::string version;
    std::string vendor;
    std::string file;
    std::string sha256;
    std::uint32_t flags = 0;
};

/// Made, filled and stopped by one thread; the interfaces it hands out are for any.
class Catalog {
public:
    Catalog(CatalogSettings settings, HostOffers offers);
    Catalog(const Catalog&) = delete;
    Catalog& operator=(const Catalog&) = delete;
    /// As stop().
    ~Catalog();

    /// Steps 1 to 8 for one plugin. Errc::Deadline: a thread of the plugin still runs, print the line and end by _exit(1). Any other
    /// error leaves nothing running.
    base::Result<PluginInfo> add(const Wanted& wanted);
    /// Whether the counts of every kind hold: exactly one storage and one ratelimit; one active keys plugin, at most one previous; at
    /// most one secrets; any number of jobs.
    [[nodiscard]] base::Result<void> complete() const;

    /// Only after complete() held.
    [[nodiscard]] Storage& storage() { return *storage_; }
    [[nodiscard]] RateLimiter& rateLimiter() { return *rateLimiter_; }
    [[nodiscard]] Keys& keys() { return *keys_; }
    /// Null where there is none.
    [[nodiscard]] Keys* previousKeys() { return previousKeys_.get(); }
    [[nodiscard]] SecretStore* secrets() { return secrets_.get(); }
    [[nodiscard]] std::vector<Job*> jobs();

    [[nodiscard]] const std::vector<PluginInfo>& plugins() const { return infos_; }
    /// The plugins that are wedged, for readiness. Any thread, once the catalog is filled.
    [[nodiscard]] std::vector<std::string> wedged() const;
    /// New settings for one that can take them while it runs. Errc::NotFound: it is not loaded.
    base::Result<void> reconfigure(std::string_view plugin, const std::vector<SettingText>& settings, const Call& call);
    /// Stops them in the reverse of the order in which they were added, storage last. No call may be under way.
    void stop();

private:
    [[nodiscard]] base::Result<PluginFile> find(const std::string& plugin) const;
    [[nodiscard]] base::Result<void> place(const Wanted& wanted, std::unique_ptr<Instance> instance);
    [[nodiscard]] base::Result<void> free(const Wanted& wanted) const;

    CatalogSettings settings_;
    HostOffers offers_;
    std::vector<PluginInfo> infos_;
    std::vector<Instance*> instances_;
    std::unique_ptr<StoragePlugin> storage_;
    std::unique_ptr<RateLimiterPlugin> rateLimiter_;
    std::unique_ptr<KeysPlugin> keys_, previousKeys_;
    std::unique_ptr<SecretStorePlugin> secrets_;
    std::vector<std::unique_ptr<JobPlugin>> jobs_;
};

/// The plugin files of a folder of `plugins.path`, by their notes alone: none of them is run. What cannot be read has `problem`.
struct FoundFile {
    std::string file;
    std::string plugin;  ///< "keys-file"
    std::string problem;
    ElfNote note;
    std::string sha256;
};
[[nodiscard]] std::vector<FoundFile> listPlugins(const std::string& folder);

}  // namespace agentidp::plugin
