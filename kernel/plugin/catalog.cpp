#include "plugin/catalog.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"

namespace agentidp::plugin {
namespace {

namespace fs = std::filesystem;

/// "step 4, note: /usr/lib/.../keys-demo.so: it carries no AgentIdP note ..."
base::Error at(const char* step, const std::string& where, const base::Error& cause, const char* mend) {
    std::string line = std::string(step) + ": " + where + ": " + cause.hint;
    if (!cause.detail.empty()) line += " (" + cause.detail + ")";
    if (*mend != '\0') line += std::string("; ") + mend;
    return base::fail(cause.code, std::move(line));
}

}  // namespace

bool isPluginName(std::string_view text) {
    if (text.empty() || text.size() > 48 || text.front() < 'a' || text.front() > 'z' || text.back() == '-') return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && (c != '-' || text[i - 1] == '-')) return false;
    }
    return true;
}

Wanted wanted(std::uint32_t kind, std::string name, std::vector<SettingText> settings) {
    Wanted made;
    made.kind = kind;
    made.name = std::move(name);
    for (auto& setting : settings) {
        if (setting.first == "sha256")
            made.sha256 = base::lower(setting.second);
        else
            made.settings.push_back(std::move(setting));
    }
    return made;
}

Catalog::Catalog(CatalogSettings settings, HostOffers offers) : settings_(std::move(settings)), offers_(std::move(offers)) {}

Catalog::~Catalog() { stop(); }

base::Result<PluginFile> Catalog::find(const std::string& plugin) const {
    for (const auto& folder : settings_.path) {
        auto file = PluginFile::open(folder + "/" + plugin + ".so", geteuid());
        if (file.ok()) return file;
        const bool absent = file.error().code == base::Errc::NotFound || !fs::exists(folder);
        if (!absent)
            return at("step 2, trust", folder + "/" + plugin + ".so", file.error(),
                      "the file and its folders must belong to root or this user and be writable by nobody else");
    }
    return base::fail(base::Errc::NotFound,
                      "step 1, find: no " + plugin + ".so in " +
                          (settings_.path.empty() ? "plugins.path, which is empty" : base::join(settings_.path, ", ")) +
                          "; install the plugin there or name its folder in plugins.path");
}

base::Result<void> Catalog::free(const Wanted& wanted) const {
    const bool previous = wanted.role == Wanted::Role::Previous;
    const bool taken = (wanted.kind == AIP_KIND_STORAGE && storage_) || (wanted.kind == AIP_KIND_RATELIMIT && rateLimiter_) ||
                       (wanted.kind == AIP_KIND_SECRETS && secrets_) ||
                       (wanted.kind == AIP_KIND_KEYS && (previous ? previousKeys_ : keys_));
    const std::string plugin = std::string(nameOfKind(wanted.kind)) + "-" + wanted.name;
    if (taken)
        return base::fail(base::Errc::Conflict,
                          "step 1, find: " + plugin + " is one " + std::string(nameOfKind(wanted.kind)) + " plugin too many");
    for (const auto& info : infos_)
        if (info.plugin == plugin) return base::fail(base::Errc::Conflict, "step 1, find: " + plugin + " is named twice; name it once");
    return {};
}

base::Result<PluginInfo> Catalog::add(const Wanted& wanted) {
    const std::string plugin = std::string(nameOfKind(wanted.kind)) + "-" + wanted.name;
    if (nameOfKind(wanted.kind).empty() || !isPluginName(wanted.name))
        return base::fail(base::Errc::Invalid,
                          "step 1, find: \"" + wanted.name + "\" is no name of a plugin: lower-case letters, digits, single dashes");
    if (auto room = free(wanted); !room) return room.error();
    auto file = find(plugin);
    if (!file) return std::move(file).error();
    const std::string path = file->path();

    auto sha256 = file->sha256();
    if (!sha256) return at("step 3, fingerprint", path, sha256.error(), "");
    if (wanted.sha256.empty() && settings_.trust == Trust::Pinned)
        return base::fail(base::Errc::Denied, "step 3, fingerprint: " + path + ": plugins.trust is pinned and plugins." + plugin +
                                                  ".sha256 is not given; the file's is " + *sha256);
    if (!wanted.sha256.empty() && wanted.sha256 != *sha256)
        return base::fail(base::Errc::Denied, "step 3, fingerprint: " + path + ": its SHA-256 is " + *sha256 + ", plugins." + plugin +
                                                  ".sha256 is another; install the file that was meant");

    const auto note = readElfNote(file->fd());
    if (!note) return at("step 4, note", path, note.error(), "build it with agentidp_add_plugin and AGENTIDP_PLUGIN");
    if (note->major != AIP_ABI_MAJOR)
        return base::fail(base::Errc::Unsupported, "step 4, note: " + path + ": it was built for plugin ABI " +
                                                       std::to_string(note->major) + ", this daemon's is " + std::to_string(AIP_ABI_MAJOR) +
                                                       "; install a build for this one");
    if (note->kind != wanted.kind)
        return base::fail(base::Errc::Invalid, "step 4, note: " + path + ": it is a " + std::string(nameOfKind(note->kind)) +
                                                   " plugin by its note; a file is called <kind>-<name>.so");

    const auto loaded = loadPlugin(*file);
    if (!loaded) return at("step 5, load", path, loaded.error(), "`agentidp plugin check` on the file shows more");
    const aip_plugin& descriptor = **loaded;
    if (auto agreed = checkDescriptor(descriptor, *note, plugin); !agreed)
        return at("step 6, descriptor", path, agreed.error(), "ask its vendor");

    const auto schema = SettingsSchema::parse(descriptor.config_schema_json);
    if (!schema) return at("step 7, settings", path, schema.error(), "ask its vendor");
    const auto config = schema->configFromTexts(plugin, wanted.settings);
    if (!config) return at("step 7, settings", path, config.error(), "");

    auto instance = Instance::start(descriptor, plugin, *config, offers_, settings_.limits);
    if (!instance) return at("step 8, start", path, instance.error(), "");
    Instance* running = instance->get();
    if (auto placed = place(wanted, std::move(*instance)); !placed) return at("step 8, start", path, placed.error(), "");
    instances_.push_back(running);
    infos_.push_back({plugin, descriptor.version, descriptor.vendor, path, *sha256, descriptor.flags});
    return infos_.back();
}

base::Result<void> Catalog::place(const Wanted& wanted, std::unique_ptr<Instance> instance) {
    const auto into = [&instance](auto& slot) -> base::Result<void> {
        using Adapter = typename std::remove_reference_t<decltype(slot)>::element_type;
        auto opened = Adapter::open(std::move(instance));
        if (!opened) return std::move(opened).error();
        slot = std::move(*opened);
        return {};
    };
    switch (wanted.kind) {
        case AIP_KIND_STORAGE: return into(storage_);
        case AIP_KIND_RATELIMIT: return into(rateLimiter_);
        case AIP_KIND_KEYS: return into(wanted.role == Wanted::Role::Previous ? previousKeys_ : keys_);
        case AIP_KIND_SECRETS: return into(secrets_);
        default: break;
    }
    std::unique_ptr<JobPlugin> job;
    if (auto opened = into(job); !opened) return opened;
    jobs_.push_back(std::move(job));
    return {};
}

base::Result<void> Catalog::complete() const {
    const auto missing = [](const char* setting, const char* kind) {
        return base::fail(base::Errc::Invalid, std::string("no ") + kind + " plugin is loaded; name one in " + setting);
    };
    if (!storage_) return missing("storage.plugin", "storage");
    if (!keys_) return missing("keys.plugin", "keys");
    if (!rateLimiter_) return missing("ratelimit.plugin", "ratelimit");
    return {};
}

std::vector<Job*> Catalog::jobs() {
    std::vector<Job*> out;
    for (auto& job : jobs_) out.push_back(job.get());
    return out;
}

std::vector<std::string> Catalog::wedged() const {
    std::vector<std::string> names;
    for (const auto* instance : instances_)
        if (instance->wedged()) names.push_back(instance->name());
    return names;
}

base::Result<void> Catalog::reconfigure(std::string_view plugin, const std::vector<SettingText>& settings, const Call& call) {
    for (auto* instance : instances_) {
        if (instance->name() != plugin) continue;
        const auto schema = SettingsSchema::parse(instance->plugin().config_schema_json);
        if (!schema) return schema.error();
        std::vector<SettingText> own;
        std::copy_if(settings.begin(), settings.end(), std::back_inserter(own),
                     [](const SettingText& one) { return one.first != "sha256"; });
        const auto config = schema->configFromTexts(plugin, own);
        if (!config) return config.error();
        return instance->reconfigure(*config, call);
    }
    return base::fail(base::Errc::NotFound, std::string(plugin) + " is not loaded");
}

void Catalog::stop() {
    instances_.clear();
    while (!jobs_.empty()) jobs_.pop_back();
    rateLimiter_.reset();
    secrets_.reset();
    previousKeys_.reset();
    keys_.reset();
    storage_.reset();
}

std::vector<FoundFile> listPlugins(const std::string& folder) {
    std::vector<FoundFile> found;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
        const fs::path& path = entry.path();
        const std::string plugin = path.stem().string();
        const auto dash = plugin.find('-');
        if (path.extension() != ".so" || dash == std::string::npos || kindOfName(plugin.substr(0, dash)) == 0) continue;
        FoundFile one;
        one.file = path.string();
        one.plugin = plugin;
        const auto file = PluginFile::open(fs::absolute(path).lexically_normal().string(), geteuid(), PluginFile::Distrust::Tell);
        const auto note = file ? readElfNote(file->fd()) : base::Result<ElfNote>(file.error());
        if (note) {
            one.note = *note;
            if (auto sha256 = file->sha256()) one.sha256 = *sha256;
            if (note->kind != kindOfName(plugin.substr(0, dash)))
                one.problem = "by its note it is a " + std::string(nameOfKind(note->kind)) + " plugin";
            if (!file->warnings().empty()) one.problem = file->warnings().front();
        } else {
            one.problem = note.error().hint;
        }
        found.push_back(std::move(one));
    }
    std::sort(found.begin(), found.end(), [](const FoundFile& left, const FoundFile& right) { return left.plugin < right.plugin; });
    return found;
}

}  // namespace agentidp::plugin
