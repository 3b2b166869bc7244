#include "cli/hook/hook_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/hooks.h"
#include "base/text.h"
#include "policy/loader.h"

namespace agentidp::cli {
namespace {

namespace fs = std::filesystem;

policy::BundleReading readScript(const fs::path& path) {
    std::vector<policy::BundleFile> files;
    policy::BundleReading failed;
    const auto take = [&](const fs::path& file, const std::string& name) {
        auto text = readText(file.string());
        if (text)
            files.push_back({name, std::move(*text), {}});
        else
            failed.complaints.push_back({name, 0, text.error().hint, "let yourself read it"});
    };
    take(path, path.filename().string());
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(path.parent_path().empty() ? "data" : path.parent_path() / "data", none))
        if (entry.path().extension() == ".json") take(entry.path(), "data/" + entry.path().filename().string());
    if (!failed.complaints.empty()) return failed;
    std::sort(files.begin(), files.end(), [](const auto& left, const auto& right) { return left.name < right.name; });
    return policy::bundleOf(std::move(files), {});
}

/// An author's machine has no settings, or a server's that only the daemon may read.
policy::CallBudget budgetOf(const Invocation& invocation) {
    const auto loaded = config::load(invocation.sources);
    if (loaded.ok()) return app::hookBudgets(loaded.settings).call;
    refuse("the settings are not taken (" + loaded.problems.front().text + "): the built-in budgets count", kMisuse);
    return {};
}

}  // namespace

HookFiles readHooks(const Invocation& invocation, const std::string& path) {
    std::error_code none;
    auto reading = fs::is_directory(path, none) ? policy::readBundle(path) : readScript(path);
    HookFiles out;
    out.bundle = reading.bundle;
    out.budget = budgetOf(invocation);
    policy::LoadRules rules;
    rules.budget = out.budget;
    rules.stateOf = [](const std::string&) { return policy::StateMode::Fresh; };
    rules.modeOf = [](const std::string&) { return policy::HookMode::Enforce; };
    auto load = policy::loadBundle(std::move(reading), rules, {});
    out.complaints = std::move(load.complaints);
    if (load.generation)
        for (const auto& loaded : load.generation->scripts()) out.scripts.push_back(loaded.script);
    return out;
}

void tellComplaints(const std::vector<policy::Complaint>& complaints, std::ostream& out) {
    for (const auto& complaint : complaints) out << (complaint.fatal ? "" : "warning: ") << policy::sentence(complaint) << "\n";
}

base::json::Array complaintsJson(const std::vector<policy::Complaint>& complaints) {
    base::json::Array out;
    for (const auto& one : complaints)
        out.emplace_back(
            base::json::Object{{"file", one.file}, {"line", one.line}, {"text", one.text}, {"mend", one.mend}, {"fatal", one.fatal}});
    return out;
}

base::Result<std::string> readText(const std::string& path) {
    std::ifstream file;
    if (path != "-") {
        std::error_code none;
        file.open(path, std::ios::binary);
        if (!file || fs::is_directory(path, none)) return base::fail(base::Errc::NotFound, path + " cannot be read");
    }
    auto& in = path == "-" ? std::cin : file;
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (in.bad()) return base::fail(base::Errc::NotFound, path + " cannot be read");
    return text;
}

std::optional<Question> questionOf(const Invocation& invocation, const std::string& script, const std::string& hook,
                                   const std::string& inputFile, int& code) {
    const auto no = [&](const std::string& why, int exit) {
        code = refuse(why, exit);
        return std::nullopt;
    };
    auto text = readText(inputFile);
    if (!text) return no(text.error().hint, kMisuse);
    auto input = base::json::parse(*text);
    if (!input || input->asObject() == nullptr)
        return no(inputFile + " is not one JSON object" + (input ? "" : ": " + input.error().hint), kMisuse);
    Question out;
    out.input = std::move(*input);
    out.files = readHooks(invocation, script);
    tellComplaints(out.files.complaints, std::cerr);
    if (out.files.refused()) {
        code = kFailed;
        return std::nullopt;
    }
    if (out.files.scripts.size() != 1) return no("name one script, not a folder", kMisuse);
    out.script = out.files.scripts.front();
    for (const auto& file : out.files.bundle.files)
        if (file.name == out.script->file()) out.text = file.text;
    std::vector<std::string> hooked;
    for (const auto& row : policy::allHookPoints())
        if (out.script->hooks(row.point)) hooked.emplace_back(row.name);
    if (hook.empty() && hooked.size() > 1) return no("say --hook: the script has " + base::join(hooked, ", "), kMisuse);
    const auto point = policy::hookPointNamed(hook.empty() ? hooked.front() : hook);
    if (!point || !out.script->hooks(*point))
        return no("the script does not hook " + hook + "; it has " + base::join(hooked, ", "), kMisuse);
    out.point = *point;
    return out;
}

}  // namespace agentidp::cli
