/// What is asked of a running daemon about its hooks, over the control socket.
#include <algorithm>

#include "base/text.h"
#include "cli/hook/verbs.h"
#include "cli/opened.h"
#include "policy/bundle.h"
#include "policy/loader.h"

namespace agentidp::cli {
namespace {

namespace json = base::json;

constexpr std::size_t kShortHash = 12;

std::string shortHash(const json::Value& value) { return value.textOr("sha256", "").substr(0, kShortHash); }

std::string joined(const json::Value* list) {
    std::vector<std::string> texts;
    if (list != nullptr && list->asArray() != nullptr)
        for (const auto& item : *list->asArray())
            if (const auto* text = item.asText()) texts.push_back(*text);
    return base::join(texts, ",");
}

void printScripts(const json::Value& scripts) {
    const auto* all = scripts.asArray();
    if (all == nullptr || all->empty()) {
        std::cout << "no hooks are loaded\n";
        return;
    }
    std::size_t width = 4;
    for (const auto& script : *all) width = std::max(width, script.textOr("name", "").size());
    for (const auto& script : *all) {
        const auto name = script.textOr("name", ""), mode = script.textOr("mode", "");
        std::cout << name << std::string(width + 2 - name.size(), ' ') << mode
                  << std::string(9 - std::min<std::size_t>(8, mode.size()), ' ') << script.textOr("state", "") << "  "
                  << script.textOr("version", "") << "  " << joined(script.find("hooks")) << "  " << script.textOr("file", "") << "\n";
    }
}

std::string generationLine(const json::Value& facts) {
    return "generation " + std::to_string(facts.intOr("generation", 0)) + "  " + shortHash(facts) + "  by " + facts.textOr("cause", "") +
           " at " + facts.textOr("loadedAt", "");
}

void printStatus(const json::Value& status) {
    if (status.intOr("generation", 0) == 0)
        std::cout << "no generation is in force\n";
    else
        std::cout << generationLine(status) << "\n";
    std::cout << "source: " << status.textOr("source", "") << ", selftest: " << status.textOr("selftest", "") << "\n";
    if (const auto* scripts = status.find("scripts")) printScripts(*scripts);
    const auto* before = status.find("before");
    if (before == nullptr || before->asArray() == nullptr) return;
    for (const auto& facts : *before->asArray()) std::cout << "before: " << generationLine(facts) << "\n";
}

void printChanged(const json::Value& changed) {
    if (const auto* warnings = changed.find("warnings"); warnings != nullptr && warnings->asArray() != nullptr)
        for (const auto& warning : *warnings->asArray())
            std::cerr << "warning: "
                      << policy::sentence({warning.textOr("file", ""), static_cast<int>(warning.intOr("line", 0)),
                                           warning.textOr("text", ""), warning.textOr("mend", ""), false})
                      << "\n";
    std::cout << changed.textOr("outcome", "") << ": generation " << changed.intOr("generation", 0) << "  " << shortHash(changed) << "\n";
}

void printMode(const json::Value& answer) { std::cout << answer.textOr("script", "") << ": " << answer.textOr("mode", "") << "\n"; }

int ask(const Invocation& invocation, std::string_view command, void (*print)(const json::Value&),
        const json::Value& args = json::Object{}) {
    const auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    const auto answer = askDaemon(*loaded, command, args);
    if (!answer) return refuse(answer.error());
    if (invocation.json())
        std::cout << json::write(*answer) << "\n";
    else
        print(*answer);
    return kDone;
}

int misuse(std::string_view form) { return refuse("agentidp hook " + std::string(form), kMisuse); }

int askPlain(const Invocation& invocation, std::string_view verb, std::string_view command, void (*print)(const json::Value&)) {
    return invocation.words.empty() ? ask(invocation, command, print) : misuse(verb);
}

}  // namespace

int runHookList(const Invocation& invocation) { return askPlain(invocation, "list [--json]", "hook-list", printScripts); }
int runHookStatus(const Invocation& invocation) { return askPlain(invocation, "status [--json]", "hook-status", printStatus); }
int runHookRollback(const Invocation& invocation) { return askPlain(invocation, "rollback [--json]", "hook-rollback", printChanged); }
int runHookReload(const Invocation& invocation) { return askPlain(invocation, "reload [--json]", "hook-reload", printChanged); }

int runHookMode(const Invocation& invocation) {
    if (invocation.words.size() != 2) return misuse("mode NAME enforce|shadow|off|configured");
    return ask(invocation, "hook-mode", printMode, json::Object{{"script", invocation.words[0]}, {"mode", invocation.words[1]}});
}

/// The files are read here, by whoever pushes: the daemon may not see them, and checks what it is given as if it had read it.
int runHookPush(const Invocation& invocation) {
    if (invocation.words.size() != 1) return misuse("push DIR");
    const auto reading = policy::readBundle(invocation.words[0]);
    for (const auto& complaint : reading.complaints)
        std::cerr << (complaint.fatal ? "" : "warning: ") << policy::sentence(complaint) << "\n";
    if (policy::anyFatal(reading.complaints)) return kMisuse;
    return ask(invocation, "hook-push", printChanged, json::Object{{"bundle", policy::packBundle(reading.bundle)}});
}

}  // namespace agentidp::cli
