/// What is asked of a running daemon: status, health, drain, reload, jobs.
#include "cli/opened.h"

namespace agentidp::cli {
namespace {

namespace json = base::json;

int print(const Invocation& invocation, const json::Value& value) {
    if (invocation.json()) {
        std::cout << json::write(value) << "\n";
        return kDone;
    }
    if (const auto* members = value.asObject()) {
        for (const auto& [name, member] : *members) {
            const auto* text = member.asText();
            std::cout << name << ": " << (text != nullptr ? *text : json::write(member)) << "\n";
        }
    } else {
        std::cout << json::writePretty(value) << "\n";
    }
    return kDone;
}

int ask(const Invocation& invocation, std::string_view command, const json::Value& args = json::Object{}) {
    const auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    const auto answer = askDaemon(*loaded, command, args);
    if (!answer) return refuse(answer.error());
    return print(invocation, *answer);
}

}  // namespace

int runStatus(const Invocation& invocation) { return ask(invocation, "status"); }
int runDrain(const Invocation& invocation) { return ask(invocation, "drain"); }
int runReload(const Invocation& invocation) { return ask(invocation, "reload"); }

int runHealth(const Invocation& invocation) {
    const auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    const auto answer = askDaemon(*loaded, "status");
    if (!answer) return refuse(answer.error());
    const auto* ready = answer->find("ready");
    if (ready != nullptr && ready->asBool() != nullptr && *ready->asBool()) {
        std::cout << "ready\n";
        return kDone;
    }
    return refuse("not ready: " + answer->textOr("reason", "unknown"), kFailed);
}

int runJobs(const Invocation& invocation) {
    if (invocation.words.size() == 1 && invocation.words[0] == "list") return ask(invocation, "jobs.list");
    if (invocation.words.size() == 2 && invocation.words[0] == "run")
        return ask(invocation, "jobs.run", json::Object{{"job", invocation.words[1]}});
    return refuse("jobs list, or jobs run NAME", kMisuse);
}

}  // namespace agentidp::cli
