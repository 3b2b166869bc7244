#include "plugin/scaffold.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "plugin/catalog.h"
#include "plugin/scaffold_templates.h"

namespace agentidp::plugin {
namespace {

namespace fs = std::filesystem;

using Values = std::vector<std::pair<std::string, std::string>>;

struct KindText {
    std::string_view kind, about, setting, example, find, libs;
};
constexpr KindText kKinds[] = {
    {"keys", "An AgentIdP keys plugin: ES256 signatures by OpenSSL, private keys in files that only the daemon's user may read.",
     "keys.plugin = @NAME@", "folder = @PLUGIN@", "find_package(OpenSSL 3.0 REQUIRED)\n", " LIBS OpenSSL::Crypto"},
    {"ratelimit", "An AgentIdP ratelimit plugin: sliding windows and period counters in the daemon's memory.", "ratelimit.plugin = @NAME@",
     "max_keys = 1000000", "", ""},
    {"job", "An AgentIdP compliance job: reads agents page by page and reports findings.", "jobs = @NAME@", "page = 100", "", ""},
    {"secrets", "An AgentIdP secrets plugin: client secrets as versioned files that only the daemon's user may read.",
     "credentials.store = vault   # the daemon loads the secrets plugin named in its settings", "folder = @PLUGIN@", "", ""},
};

/// "credential-expiry" -> "CredentialExpiry".
std::string classOf(const std::string& name) {
    std::string out;
    bool upper = true;
    for (const char c : name) {
        if (c != '-') out.push_back(upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
        upper = c == '-';
    }
    return out;
}

std::string filled(std::string text, const Values& values) {
    for (const auto& [name, value] : values)
        for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
            text.replace(at, name.size(), value);
    return text;
}

std::string templateOf(std::string_view name) {
    const auto& all = scaffoldTemplates();
    return std::string(std::find_if(all.begin(), all.end(), [name](const ScaffoldTemplate& one) { return one.name == name; })->text);
}

}  // namespace

base::Result<std::vector<std::string>> scaffold(const std::string& kind, const std::string& name, const std::string& folder) {
    if (kind == "storage")
        return base::fail(
            base::Errc::Unsupported,
            "a storage that keeps its promises (transactions, snapshots, durability) has no small beginning: start from a copy of "
            "plugins/storage-sqlite in AgentIdP's source and run `agentidp plugin check` on it as you go");
    const auto* texts = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindText& one) { return one.kind == kind; });
    if (texts == std::end(kKinds)) return base::fail(base::Errc::Invalid, "\"" + kind + "\" is no kind: keys, ratelimit, job, secrets");
    if (!isPluginName(name))
        return base::fail(base::Errc::Invalid, "\"" + name + "\" is no name: lower-case letters, digits, single dashes");

    std::error_code failed;
    if (fs::exists(folder, failed) && !fs::is_empty(folder, failed)) return base::fail(base::Errc::Exists, folder + " is not empty");
    fs::create_directories(folder, failed);
    if (failed) return base::fail(base::Errc::Unavailable, folder + ": " + failed.message());

    std::string file = name;
    std::replace(file.begin(), file.end(), '-', '_');
    // Texts that hold placeholders themselves come first.
    const Values values = {{"@ABOUT@", std::string(texts->about)},
                           {"@SETTING@", std::string(texts->setting)},
                           {"@EXAMPLE@", std::string(texts->example)},
                           {"@FIND@", std::string(texts->find)},
                           {"@LIBS@", std::string(texts->libs)},
                           {"@PLUGIN@", kind + "-" + name},
                           {"@CLASS@", classOf(name)},
                           {"@NAME@", name},
                           {"@FILE@", file}};
    const std::pair<std::string, std::string> files[] = {
        {"CMakeLists.txt", "CMakeLists.txt.in"}, {"README.md", "README.md.in"}, {file + ".cpp", kind + ".cpp.in"}};
    std::vector<std::string> written;
    for (const auto& [to, from] : files) {
        const std::string path = (fs::path(folder) / to).string();
        std::ofstream out(path, std::ios::binary);
        out << filled(templateOf(from), values);
        out.close();
        if (!out) return base::fail(base::Errc::Unavailable, path + " cannot be written");
        written.push_back(path);
    }
    return written;
}

}  // namespace agentidp::plugin
