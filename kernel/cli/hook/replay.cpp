#include "policy/replay.h"

#include <fstream>

#include "cli/arguments/arguments.h"
#include "cli/hook/hook_files.h"
#include "cli/hook/verbs.h"

namespace agentidp::cli {
namespace {

namespace json = base::json;

void tell(const policy::ReplayReport& report, const policy::Script& script) {
    for (const auto& one : report.changed)
        std::cout << one.time << " " << one.hook << " " << one.id << "\n  before " << json::write(one.before) << "\n  after  "
                  << (one.after.isNull() ? "not asked" : json::write(one.after)) << "\n";
    for (const auto& one : report.unjudged)
        std::cout << "not judged: line " << one.line << " " << one.hook << " " << one.id << ": " << one.why << "\n";
    std::cout << script.name() << " " << script.version() << ": " << report.changed.size() << " of " << report.judged
              << " decisions would change, " << report.unjudged.size() << " cannot be judged, " << report.others << " are of other scripts";
    if (report.unreadable > 0) std::cout << ", " << report.unreadable << " lines are no decisions";
    std::cout << "\n";
}

}  // namespace

int runHookReplay(const Invocation& invocation) {
    const auto arguments = Arguments::read(invocation.words, {}, {"--decisions", "--script", "--of"});
    if (!arguments) return refuse("hook replay: " + arguments.error().hint, kMisuse);
    if (!arguments->values.contains("--decisions") || !arguments->values.contains("--script"))
        return refuse("hook replay wants --decisions LOG and --script NEW.lua", kMisuse);
    auto logs = arguments->rest;
    logs.insert(logs.begin(), arguments->value("--decisions"));
    const auto files = readHooks(invocation, arguments->value("--script"));
    tellComplaints(files.complaints, std::cerr);
    if (files.refused()) return kFailed;
    if (files.scripts.size() != 1) return refuse("hook replay: --script names one script, not a folder", kMisuse);
    const auto& script = *files.scripts.front();
    std::string text;
    for (const auto& file : files.bundle.files)
        if (file.name == script.file()) text = file.text;
    policy::Replay replay(script, text, arguments->value("--of", script.name()), files.budget);
    for (const auto& log : logs) {
        std::ifstream in(log, std::ios::binary);
        if (!in) return refuse("hook replay: " + log + " cannot be read", kFailed);
        for (std::string line; std::getline(in, line);) replay.line(line);
    }
    const auto& report = replay.report();
    if (invocation.json())
        std::cout << json::writePretty(report.json(script)) << "\n";
    else
        tell(report, script);
    return report.unreadable == 0 ? kDone : kFailed;
}

}  // namespace agentidp::cli
