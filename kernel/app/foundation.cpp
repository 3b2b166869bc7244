#include "app/foundation.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "agentidp/plugin.h"
#include "base/text.h"
#include "store/row_reader.h"

namespace agentidp::app {
namespace {

using base::Errc;
using base::fail;
using config::Setting;

constexpr base::milliseconds kMigration{60'000};
constexpr base::milliseconds kLockWithin{3'000};
constexpr base::milliseconds kClockWithin{1'000};

/// `plugins.path` takes folders separated by commas or, as PATH does, by colons.
std::vector<std::string> foldersOf(const config::Settings& settings) {
    std::vector<std::string> folders;
    for (const auto& item : settings.list(Setting::PluginsPath))
        for (const auto& folder : base::split(item, ':'))
            if (!folder.empty()) folders.push_back(absolutePath(folder));
    return folders;
}

plugin::Wanted wantedOf(const config::Settings& settings, std::uint32_t kind, const std::string& name) {
    std::vector<plugin::SettingText> texts;
    for (const auto& setting : settings.plugin(std::string(plugin::nameOfKind(kind)) + "-" + name))
        texts.emplace_back(setting.key, setting.value);
    return plugin::wanted(kind, name, std::move(texts));
}

/// The one that credentials.store = vault names.
constexpr const char* kSecretStore = "vault";

bool wantsSecretStore(const config::Settings& settings) {
    return settings.text(Setting::CredentialsStore) == "vault" || !settings.plugin(std::string("secrets-") + kSecretStore).empty();
}

}  // namespace

std::string dataDirOf(const config::Settings& settings) { return absolutePath(settings.text(Setting::DataDir)); }

std::string runtimeDirOf(const config::Settings& settings) {
    const auto& given = settings.text(Setting::RuntimeDir);
    return given.empty() ? dataDirOf(settings) + "/run" : absolutePath(given);
}

std::string controlSocketOf(const config::Settings& settings) { return runtimeDirOf(settings) + "/control.sock"; }

Foundation::Foundation(config::Loaded loaded, observe::Log& log)
    : loaded_(std::move(loaded)),
      secrets_(loaded_.environment),
      log_(log),
      dataDir_(dataDirOf(loaded_.settings)),
      runtimeDir_(runtimeDirOf(loaded_.settings)),
      deferred_("deferred", 2, 256) {}

Foundation::~Foundation() {
    // Plugins may still defer work while they stop.
    dataKeys_.reset();
    plugins_.reset();
}

base::Result<std::unique_ptr<Foundation>> Foundation::open(config::Loaded loaded, Purpose purpose, observe::Log& log, PluginOffers offers) {
    std::unique_ptr<Foundation> made(new Foundation(std::move(loaded), log));
    if (auto ready = made->prepare(purpose, std::move(offers)); !ready) return std::move(ready).error();
    return made;
}

base::Result<void> Foundation::lock() {
    if (auto made = makePrivateFolder(dataDir_, "data.dir"); !made) return made;
    if (auto made = makePrivateFolder(runtimeDir_, "runtime.dir"); !made) return made;
    // A command that works without a daemon holds it for a moment; a start must not die of that.
    const auto until = clock_.mono() + kLockWithin;
    for (;; std::this_thread::sleep_for(base::milliseconds(50))) {
        auto lock = DataLock::take(dataDir_);
        if (!lock && lock.error().code == Errc::Conflict && clock_.mono() < until) continue;
        if (!lock) return std::move(lock).error();
        lock_.emplace(std::move(*lock));
        return {};
    }
}

void Foundation::openCatalog(PluginOffers offers) {
    plugin::CatalogSettings catalog;
    catalog.path = foldersOf(settings());
    catalog.trust = settings().text(Setting::PluginsTrust) == "pinned" ? plugin::Trust::Pinned : plugin::Trust::Owner;
    catalog.limits.startWithin = base::milliseconds(std::max<std::int64_t>(1, settings().integer(Setting::StartWaitSeconds)) * 1000);
    plugin::HostOffers host{log_, clock_, deferred_, dataDir_, &metrics_, {}, std::move(offers.audit), {}, std::move(offers.iface)};
    host.metric = [this](std::string_view of, std::string_view name, double delta) { metrics_.pluginCounter(of, name).add(delta); };
    host.secret = [this](std::string_view reference) { return secrets_.resolve(reference); };
    plugins_ = std::make_unique<plugin::Catalog>(std::move(catalog), std::move(host));
}

base::Result<void> Foundation::add(std::uint32_t kind, const std::string& name, plugin::Wanted::Role role) {
    auto wanted = wantedOf(settings(), kind, name);
    wanted.role = role;
    auto added = plugins_->add(wanted);
    if (!added) {
        auto error = std::move(added).error();
        // A file that is missing, foreign or not trusted is what the settings name: the operator mends it, time does not.
        if (error.code == Errc::NotFound || error.code == Errc::Denied || error.code == Errc::Unsupported) error.code = Errc::Invalid;
        return error;
    }
    log_.write(observe::Message::PLUGIN_LOADED,
               {{"plugin", added->plugin}, {"version", added->version}, {"file", added->file}, {"sha256", added->sha256}});
    return {};
}

base::Result<void> Foundation::prepare(Purpose purpose, PluginOffers offers) {
    if (purpose != Purpose::Serve && !std::filesystem::exists(dataDir_))
        return fail(Errc::NotFound, "there is no data.dir = " + dataDir_ + "; start agentidpd or run agentidp init first");
    if (purpose != Purpose::Read) {
        if (auto locked = lock(); !locked) return locked;
    }
    openCatalog(std::move(offers));
    using Role = plugin::Wanted::Role;
    // Those that keep nothing on disk first: whatever they refuse leaves the data directory as it was.
    if (auto done = add(AIP_KIND_RATELIMIT, settings().text(Setting::RatelimitPlugin), Role::Active); !done) return done;
    for (const auto& job : settings().list(Setting::Jobs))
        if (auto done = add(AIP_KIND_JOB, job, Role::Active); !done) return done;
    if (auto done = addKeys(); !done) return done;
    // Where new secrets are MACs again, old ones are still there as long as the plugin is configured.
    if (wantsSecretStore(settings()))
        if (auto done = add(AIP_KIND_SECRETS, kSecretStore, Role::Active); !done) return done;
    if (auto done = add(AIP_KIND_STORAGE, settings().text(Setting::StoragePlugin), Role::Active); !done) return done;
    if (auto complete = plugins_->complete(); !complete) return complete;

    if (auto current = migrate(purpose); !current) return current;
    using Access = keys::DataKeys::Access;
    return openDataKeys(purpose == Purpose::Read ? Access::Look : Access::Keep);
}

base::Result<void> Foundation::addKeys() {
    using Role = plugin::Wanted::Role;
    if (auto done = add(AIP_KIND_KEYS, settings().text(Setting::KeysPlugin), Role::Active); !done) return done;
    const auto& previous = settings().text(Setting::KeysPrevious);
    return previous.empty() ? base::Result<void>() : add(AIP_KIND_KEYS, previous, Role::Previous);
}

base::Result<void> Foundation::openDataKeys(keys::DataKeys::Access access) {
    auto keys = keys::DataKeys::open({storage(), this->keys(), previousKeys(), clock_, access});
    if (!keys) return std::move(keys).error();
    dataKeys_ = std::move(*keys);
    return {};
}

base::Result<std::unique_ptr<Foundation>> Foundation::openStorage(config::Loaded loaded, Lock lock, observe::Log& log) {
    std::unique_ptr<Foundation> made(new Foundation(std::move(loaded), log));
    if (lock == Lock::Take) {
        if (auto locked = made->lock(); !locked) return std::move(locked).error();
    }
    made->openCatalog({});
    auto added = made->add(AIP_KIND_STORAGE, made->settings().text(Setting::StoragePlugin), plugin::Wanted::Role::Active);
    if (!added) return std::move(added).error();
    return made;
}

base::Result<void> Foundation::openKeys() {
    if (auto added = addKeys(); !added) return added;
    return openDataKeys(keys::DataKeys::Access::Look);
}

base::Result<plugin::MigrationStatus> migrateStorage(config::Loaded loaded, Migrate what, observe::Log& log) {
    const auto made = Foundation::openStorage(std::move(loaded), what == Migrate::Up ? Lock::Take : Lock::Leave, log);
    if (!made) return made.error();
    return (*made)->storage().migrate(Foundation::schema(), what == Migrate::Up, plugin::callWithin((*made)->clock(), kMigration));
}

std::vector<std::string> judgePluginFiles(const config::Settings& settings) {
    std::vector<std::string> problems;
    const auto folders = foldersOf(settings);
    const auto judge = [&](std::uint32_t kind, const std::string& name) {
        const auto plugin = std::string(plugin::nameOfKind(kind)) + "-" + name;
        for (const auto& folder : folders) {
            const auto path = folder + "/" + plugin + ".so";
            auto file = plugin::PluginFile::open(path, ::geteuid());
            if (!file) {
                if (file.error().code == Errc::NotFound) continue;
                problems.push_back(file.error().hint);
                return;
            }
            if (const auto note = plugin::readElfNote(file->fd()); !note) problems.push_back(path + ": " + note.error().hint);
            return;
        }
        problems.push_back("there is no " + plugin + ".so in plugins.path = " + base::join(folders, ":") +
                           "; name another plugin, or install it there");
    };
    judge(AIP_KIND_STORAGE, settings.text(Setting::StoragePlugin));
    judge(AIP_KIND_KEYS, settings.text(Setting::KeysPlugin));
    if (const auto& previous = settings.text(Setting::KeysPrevious); !previous.empty()) judge(AIP_KIND_KEYS, previous);
    judge(AIP_KIND_RATELIMIT, settings.text(Setting::RatelimitPlugin));
    for (const auto& job : settings.list(Setting::Jobs)) judge(AIP_KIND_JOB, job);
    if (wantsSecretStore(settings)) judge(AIP_KIND_SECRETS, kSecretStore);
    return problems;
}

base::Result<void> Foundation::watchClock() {
    const auto told = storage().read({plugin::mark(plugin::Op::Code::Now)}, plugin::callWithin(clock_, kClockWithin));
    if (!told) return told.error();
    clock_.compare(store::RowReader(told->front().rows.front()).time());
    return {};
}

base::Result<void> Foundation::migrate(Purpose purpose) {
    const auto status = storage().migrate(schema(), false, plugin::callWithin(clock_, kMigration));
    if (!status) return status.error();
    if (status->pending.empty()) return {};
    if (purpose == Purpose::Read)
        return fail(Errc::NotFound, "there is no ledger yet in data.dir = " + dataDir_ + "; start agentidpd or run agentidp init first");
    if (settings().text(Setting::StorageMigrate) == "manual" && status->current > 0)
        return fail(Errc::Invalid, "the schema has pending steps (" + base::join(status->pending, ", ") +
                                       ") and storage.migrate = manual; run agentidp migrate up");
    auto done = storage().migrate(schema(), true, plugin::callWithin(clock_, kMigration));
    if (!done) return std::move(done).error();
    log_.write(observe::Message::SCHEMA_MIGRATED, {{"from", status->current}, {"to", done->current}});
    return {};
}

}  // namespace agentidp::app
