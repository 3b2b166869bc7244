#include "cli/plugin/plugin_command.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "base/text.h"
#include "plugin/catalog.h"
#include "plugin/checker.h"
#include "plugin/scaffold.h"

namespace agentidp::cli {
namespace {

namespace fs = std::filesystem;
using plugin::CheckOptions;
using plugin::check::Format;

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kMisuse = 2;

constexpr const char* kHelp = R"(agentidp plugin: list, check and begin plugins

  agentidp plugin list [FOLDER ...] [--json]
      The plugin files of the folders (default: where this program's own are), by their notes; none of them is run.
  agentidp plugin check FILE [--config SETTINGS.json] [--live] [--format text|json|tap] [--except NAME[=WHY]]
      Everything that can be known of a plugin before a daemon trusts it: how it was linked, the rules of the border, and the
      promises of its kind, in a process of its own.
      --config   its settings as one flat JSON object; in a text, ${fresh} becomes another word for each instance
                 and ${NAME} the environment variable
      --live     the settings name a real backend, and the check may write to it
      --except   failed checks with NAME in their name are shown as warnings; may be given again
  agentidp plugin new KIND NAME [--dir FOLDER]
      A project that builds, passes the check as it stands, and is ready to be filled. KIND is keys, ratelimit, job or secrets;
      FOLDER is <kind>-<name> unless said otherwise.

Examples:
  agentidp plugin new keys acme
  cmake -S keys-acme -B keys-acme/build && cmake --build keys-acme/build
  agentidp plugin check keys-acme/build/keys-acme.so
  agentidp plugin check secrets-vault.so --config vault.json --live --format tap
  agentidp plugin list --json

Exit: 0 done, 1 a check failed, 2 misuse.
)";

int misuse(const std::string& why) {
    std::cerr << "agentidp plugin: " << why << "; see agentidp plugin --help\n";
    return kMisuse;
}

/// The words and the options of one command; an option that is not in `known` is misuse.
struct Line {
    std::vector<std::string> words;
    std::vector<std::pair<std::string, std::string>> options;  ///< with their values, in order
    std::string problem;

    [[nodiscard]] bool has(std::string_view option) const {
        return std::any_of(options.begin(), options.end(), [option](const auto& one) { return one.first == option; });
    }
    [[nodiscard]] std::string value(std::string_view option, const std::string& otherwise) const {
        const auto at = std::find_if(options.rbegin(), options.rend(), [option](const auto& one) { return one.first == option; });
        return at == options.rend() ? otherwise : at->second;
    }
};
Line split(const std::vector<std::string>& arguments, const std::vector<std::string>& flags, const std::vector<std::string>& valued) {
    Line line;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        const auto equals = word.find('=');
        const std::string name = word.substr(0, equals);
        const bool takesValue = std::find(valued.begin(), valued.end(), name) != valued.end();
        if (word.rfind("--", 0) != 0) {
            line.words.push_back(word);
        } else if (std::find(flags.begin(), flags.end(), word) != flags.end()) {
            line.options.emplace_back(word, "");
        } else if (takesValue && equals != std::string::npos) {
            line.options.emplace_back(name, word.substr(equals + 1));
        } else if (takesValue && i + 1 < arguments.size()) {
            line.options.emplace_back(name, arguments[++i]);
        } else {
            line.problem = takesValue ? name + " needs a value" : "unknown option " + word;
        }
    }
    return line;
}

/// The folder beside this program, as the daemon finds it when plugins.path is not set.
std::string ownFolder() {
    std::error_code unknown;
    const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
    return unknown ? std::string() : (program.parent_path().parent_path() / "lib/agentidp/plugins").string();
}

int list(const std::vector<std::string>& arguments) {
    const Line line = split(arguments, {"--json"}, {});
    if (!line.problem.empty()) return misuse(line.problem);
    const auto folders = line.words.empty() ? std::vector<std::string>{ownFolder()} : line.words;
    base::json::Array all;
    std::string text;
    bool bad = false;
    for (const auto& folder : folders) {
        if (!fs::is_directory(folder)) {
            std::cerr << "agentidp plugin list: " << folder << " is no folder\n";
            return kMisuse;
        }
        for (const auto& found : plugin::listPlugins(folder)) {
            bad |= !found.problem.empty();
            base::json::Object one = {{"plugin", found.plugin}, {"file", found.file}};
            if (!found.sha256.empty()) {
                one.emplace_back("abi", std::to_string(found.note.major) + "." + std::to_string(found.note.minor));
                one.emplace_back("sha256", found.sha256);
            }
            if (!found.problem.empty()) one.emplace_back("problem", found.problem);
            all.emplace_back(std::move(one));
            std::string name = found.plugin;
            name.resize(std::max<std::size_t>(name.size() + 1, 28), ' ');
            text += name + (found.sha256.empty() ? "" : found.sha256 + "  ") + found.file +
                    (found.problem.empty() ? "" : "  PROBLEM: " + found.problem) + "\n";
        }
    }
    if (line.has("--json"))
        std::cout << base::json::writePretty(base::json::Object{{"plugins", std::move(all)}}) << "\n";
    else
        std::cout << (text.empty() ? "no plugins in " + base::join(folders, ", ") + "\n" : text);
    return bad ? kFailed : kDone;
}

std::optional<base::json::Object> settingsOf(const std::string& path, std::string& problem) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in.good() && !in.eof()) {
        problem = path + " cannot be read";
        return std::nullopt;
    }
    const auto parsed = base::json::parse(text);
    if (!parsed || parsed->asObject() == nullptr) {
        problem = path + " is not one flat JSON object" + (parsed ? "" : ": " + parsed.error().hint);
        return std::nullopt;
    }
    return *parsed->asObject();
}

int check(const std::vector<std::string>& arguments) {
    const Line line = split(arguments, {"--live"}, {"--config", "--format", "--except"});
    if (!line.problem.empty()) return misuse(line.problem);
    if (line.words.size() != 1) return misuse("check takes one file");
    CheckOptions options;
    std::error_code unknown;
    options.file = fs::absolute(line.words[0], unknown).lexically_normal().string();
    options.backend = line.has("--live") ? CheckOptions::Backend::Live : CheckOptions::Backend::Sparing;
    const std::string format = line.value("--format", "text");
    if (format != "text" && format != "json" && format != "tap") return misuse("--format is text, json or tap");
    if (line.has("--config")) {
        std::string problem;
        auto settings = settingsOf(line.value("--config", ""), problem);
        if (!settings) return misuse(problem);
        options.settings = std::move(*settings);
    }
    for (const auto& [name, value] : line.options) {
        if (name != "--except") continue;
        const auto equals = value.find('=');
        options.exceptions.push_back({value.substr(0, equals), equals == std::string::npos ? "" : value.substr(equals + 1)});
    }
    // A person at a terminal sees which check is under way; the report itself goes out whole.
    const bool watched = isatty(STDERR_FILENO) != 0 && format == "text";
    const auto report = plugin::checkPlugin(options, [watched](const plugin::check::Line& one) {
        if (watched) std::cerr << "\r\x1b[K" << one.group << ": " << one.name << std::flush;
    });
    if (watched) std::cerr << "\r\x1b[K";
    if (!report) {
        std::cerr << "agentidp plugin check: " << report.error().hint << "\n";
        return kFailed;
    }
    std::cout << plugin::check::show(*report, format == "json" ? Format::Json : format == "tap" ? Format::Tap : Format::Text);
    return report->passed() ? kDone : kFailed;
}

int begin(const std::vector<std::string>& arguments) {
    const Line line = split(arguments, {}, {"--dir"});
    if (!line.problem.empty()) return misuse(line.problem);
    if (line.words.size() != 2) return misuse("new takes a kind and a name");
    const std::string folder = line.value("--dir", line.words[0] + "-" + line.words[1]);
    const auto written = plugin::scaffold(line.words[0], line.words[1], folder);
    if (!written) {
        std::cerr << "agentidp plugin new: " << written.error().hint << "\n";
        return written.error().code == base::Errc::Unavailable ? kFailed : kMisuse;
    }
    for (const auto& file : *written) std::cout << file << "\n";
    std::cout << "\nNext:\n  cmake -S " << folder << " -B " << folder << "/build && cmake --build " << folder
              << "/build\n  agentidp plugin check " << folder << "/build/" << line.words[0] << "-" << line.words[1] << ".so\n";
    return kDone;
}

}  // namespace

int pluginCommand(const std::vector<std::string>& arguments) {
    const bool help = std::find(arguments.begin(), arguments.end(), "--help") != arguments.end();
    if (help || arguments.empty()) {
        (help ? std::cout : std::cerr) << kHelp;
        return help ? kDone : kMisuse;
    }
    if (arguments[0] == "list") return list(arguments);
    if (arguments[0] == "check") return check(arguments);
    if (arguments[0] == "new") return begin(arguments);
    return misuse("unknown command " + arguments[0]);
}

}  // namespace agentidp::cli
