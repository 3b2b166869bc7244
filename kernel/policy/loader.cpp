#include "policy/loader.h"

#include <algorithm>

namespace agentidp::policy {
namespace {

void append(std::vector<Complaint>& to, std::vector<Complaint> from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// Its name is known once it is compiled, and its state follows from its name: a pooled one is compiled again.
Compiled compiled(const BundleFile& file, const std::shared_ptr<const Documents>& documents, const LoadRules& rules, StateMode& state) {
    auto out = rules.compile({file.name, file.text, StateMode::Fresh}, documents, rules.budget);
    state = out.script ? rules.stateOf(out.script->name()) : StateMode::Fresh;
    if (state == StateMode::Pooled) out = rules.compile({file.name, file.text, state}, documents, rules.budget);
    return out;
}

std::vector<LoadedScript> compileAll(const Bundle& bundle, const LoadRules& rules, std::vector<Complaint>& complaints) {
    const auto documents = std::make_shared<const Documents>(documentsOf(bundle, complaints));
    std::vector<LoadedScript> scripts;
    for (const auto& file : bundle.files) {
        if (file.role != FileRole::Script) continue;
        StateMode state{};
        auto one = compiled(file, documents, rules, state);
        append(complaints, std::move(one.complaints));
        if (!one.script) continue;
        const auto& name = one.script->name();
        const auto same =
            std::find_if(scripts.begin(), scripts.end(), [&](const LoadedScript& held) { return held.script->name() == name; });
        if (same != scripts.end()) {
            complaints.push_back({file.name, 0, "is named " + name + ", as " + same->script->file() + " is", "give it a name of its own"});
            continue;
        }
        const auto mode = rules.modeOf(name);
        scripts.push_back({std::move(one.script), mode, state});
    }
    std::sort(scripts.begin(), scripts.end(),
              [](const LoadedScript& a, const LoadedScript& b) { return a.script->name() < b.script->name(); });
    return scripts;
}

}  // namespace

std::string sentence(const Complaint& complaint) {
    std::string out = complaint.file;
    if (complaint.line > 0) out += ":" + std::to_string(complaint.line);
    if (!out.empty()) out += ": ";
    out += complaint.text;
    return complaint.mend.empty() ? out : out + "; " + complaint.mend;
}

Load loadBundle(BundleReading reading, const LoadRules& rules, Generation::Facts facts) {
    Load out;
    out.complaints = std::move(reading.complaints);
    const auto refused = [&](std::string_view by) {
        if (anyFatal(out.complaints)) out.refusedBy = by;
        return !out.refusedBy.empty();
    };
    const auto complain = [&](const base::Error& error, std::string file, std::string mend) {
        out.complaints.push_back({std::move(file), 0, error.hint, std::move(mend)});
    };
    if (refused("read")) return out;
    if (const auto verified = verifyBundle(reading.bundle, rules.trust); !verified)
        complain(verified.error(), std::string(kSignatureFile), "sign it with agentidp hook sign, by a key that hooks.trust names");
    if (refused("signature")) return out;
    auto scripts = compileAll(reading.bundle, rules, out.complaints);
    if (refused("check")) return out;
    if (rules.tests) {
        std::vector<ScriptPtr> tested;
        for (const auto& loaded : scripts) tested.push_back(loaded.script);
        append(out.complaints, rules.tests(reading.bundle, tested, rules.budget));
    }
    if (refused("tests")) return out;
    if (rules.selftest)
        if (const auto passed = rules.selftest(); !passed)
            complain(passed.error(), "", "report it: a sandbox that does not hold runs no new hooks");
    if (refused("selftest")) return out;
    facts.sha256 = reading.bundle.sha256();
    facts.bundle = std::make_shared<const Bundle>(std::move(reading.bundle));
    out.generation = std::make_shared<const Generation>(std::move(facts), std::move(scripts));
    return out;
}

}  // namespace agentidp::policy
