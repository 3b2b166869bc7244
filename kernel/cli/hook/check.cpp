#include <iostream>

#include "cli/arguments/arguments.h"
#include "cli/hook/hook_files.h"
#include "cli/hook/verbs.h"

namespace agentidp::cli {
namespace {

namespace json = base::json;

json::Array scriptsJson(const std::vector<policy::ScriptPtr>& scripts) {
    json::Array out;
    for (const auto& script : scripts) {
        json::Array points;
        for (const auto& row : policy::allHookPoints())
            if (script->hooks(row.point)) points.emplace_back(row.name);
        out.emplace_back(json::Object{{"file", script->file()},
                                      {"name", script->name()},
                                      {"version", script->version()},
                                      {"sha256", script->sha256()},
                                      {"state", script->state() == policy::StateMode::Pooled ? "pooled" : "fresh"},
                                      {"hooks", std::move(points)}});
    }
    return out;
}

}  // namespace

int runHookCheck(const Invocation& invocation) {
    const auto arguments = Arguments::read(invocation.words, {}, {});
    if (!arguments) return refuse("hook check: " + arguments.error().hint, kMisuse);
    if (arguments->rest.size() != 1) return refuse("hook check wants one folder or script", kMisuse);
    const auto files = readHooks(invocation, arguments->rest[0]);
    std::size_t problems = 0;
    for (const auto& complaint : files.complaints) problems += complaint.fatal ? 1 : 0;
    if (invocation.json()) {
        std::cout << json::writePretty(json::Object{{"ok", !files.refused()},
                                                    {"sha256", files.bundle.sha256()},
                                                    {"scripts", scriptsJson(files.scripts)},
                                                    {"complaints", complaintsJson(files.complaints)}})
                  << "\n";
    } else {
        tellComplaints(files.complaints, std::cout);
        if (!files.refused())
            std::cout << files.scripts.size() << (files.scripts.size() == 1 ? " script" : " scripts") << " would load";
        else
            std::cout << problems << (problems == 1 ? " problem" : " problems") << ": nothing of it would load";
        std::cout << ", " << files.complaints.size() - problems << " warnings\n";
    }
    return files.refused() ? kFailed : kDone;
}

}  // namespace agentidp::cli
