#include "policy/tester.h"

#include <algorithm>
#include <set>

#include "policy/decision.h"

namespace agentidp::policy {
namespace {

namespace json = base::json;

constexpr std::chrono::hours kBefore{24 * 365};

json::Value ordered(const json::Value& value) {
    if (const auto* items = value.asArray()) {
        json::Array out;
        for (const auto& item : *items) out.push_back(ordered(item));
        return out;
    }
    const auto* members = value.asObject();
    if (members == nullptr) return value;
    if (members->empty()) return json::Array{};
    json::Object out;
    for (const auto& [name, member] : *members) out.emplace_back(name, ordered(member));
    std::sort(out.begin(), out.end(), [](const auto& left, const auto& right) { return left.first < right.first; });
    return out;
}

json::Value without(const json::Value& value, std::string_view name) {
    json::Object out;
    if (const auto* members = value.asObject())
        for (const auto& member : *members)
            if (member.first != name) out.push_back(member);
    return out;
}

/// What an author may leave out of `expect`.
json::Value filled(const json::Value& expect) {
    if (expect.textOr("kind", "") != "rate" || expect.find("cost") != nullptr) return expect;
    auto out = *expect.asObject();
    out.emplace_back("cost", 1);
    return out;
}

class Runner {
public:
    Runner(const Bundle& bundle, const std::vector<ScriptPtr>& scripts, const CallBudget& budget)
        : bundle_(bundle), scripts_(scripts), budget_(budget) {
        budget_.wall *= kTestWallFactor;
        std::vector<Complaint> known;  // the load told them already
        documents_ = documentsOf(bundle, known);
        coverage_.resize(scripts.size());
    }

    TestReport run() {
        auto read = readTestCases(bundle_);
        out_.complaints = std::move(read.complaints);
        for (const auto& one : read.cases) judge(one);
        for (std::size_t i = 0; i < scripts_.size(); ++i) {
            ScriptCoverage coverage{scripts_[i]->file(), scripts_[i]->activeLines().size(), {}};
            for (const int line : scripts_[i]->activeLines())
                if (!coverage_[i].hits.contains(line)) coverage.missed.push_back(line);
            out_.coverage.push_back(std::move(coverage));
        }
        return std::move(out_);
    }

private:
    void judge(const TestCase& one) {
        CaseResult result{one.file, one.name, one.script, one.hook, {}, 0};
        const auto at =
            std::find_if(scripts_.begin(), scripts_.end(), [&](const ScriptPtr& script) { return script->file() == one.script; });
        if (at == scripts_.end())
            result.why = one.script + " was not compiled";
        else if (!(*at)->hooks(one.hook))
            result.why = one.script + " does not hook " + std::string(nameOf(one.hook));
        else
            ask(one, **at, coverage_[static_cast<std::size_t>(at - scripts_.begin())], result);
        out_.cases.push_back(std::move(result));
    }

    void ask(const TestCase& one, const Script& script, Coverage& coverage, CaseResult& result) {
        auto compiled = compiledFor(one, script);
        if (!compiled.script) {
            result.why = "with this data it does not load";
            for (const auto& complaint : compiled.complaints)
                if (complaint.fatal) result.why += ": " + complaint.text;
            return;
        }
        CallOptions options{budget_, one.now, &coverage, {}};
        CallReport report;
        for (std::int64_t i = 0; i < one.times; ++i) report = compiled.script->call(one.hook, one.input, options);
        result.units = report.units;
        result.why = differs(one.expect, report);
        if (!result.passed() || script.state() != StateMode::Pooled || one.times > 1) return;
        const auto again = compiledFor(one, script);
        options.now = one.now - kBefore;
        (void)again.script->call(one.hook, one.input, options);
        options.now = one.now;
        if (const auto why = differs(one.expect, again.script->call(one.hook, one.input, options)); !why.empty())
            result.why = "pooled, in a state that was used before: " + why;
    }

    Compiled compiledFor(const TestCase& one, const Script& script) const {
        auto documents = documents_;
        for (const auto& [name, document] : one.data) documents.insert_or_assign(name, document);
        const auto file =
            std::find_if(bundle_.files.begin(), bundle_.files.end(), [&](const BundleFile& file) { return file.name == script.file(); });
        return compile({script.file(), file->text, script.state()}, std::make_shared<const Documents>(std::move(documents)), budget_);
    }

    const Bundle& bundle_;
    const std::vector<ScriptPtr>& scripts_;
    CallBudget budget_;
    Documents documents_;
    std::vector<Coverage> coverage_;
    TestReport out_;
};

}  // namespace

std::size_t TestReport::failed() const {
    return static_cast<std::size_t>(std::count_if(cases.begin(), cases.end(), [](const CaseResult& one) { return !one.passed(); }));
}

std::string comparable(const json::Value& value) { return json::write(ordered(value)); }

json::Value outcomeOf(const CallReport& report) {
    if (const auto* failure = report.failure()) return json::Object{{"error", nameOf(failure->kind)}};
    auto out = resultOf(*report.verdict());
    if (!report.verdict()->reason.empty()) out.asObject()->emplace_back("reason", report.verdict()->reason);
    return out;
}

std::string differs(const json::Value& expect, const CallReport& report) {
    auto got = outcomeOf(report);
    if (expect.find("reason") == nullptr) got = without(got, "reason");
    const auto wanted = comparable(filled(expect));
    const auto given = comparable(got);
    if (wanted == given) return {};
    std::string why = "expected " + wanted + ", got " + given;
    if (const auto* failure = report.failure()) why += " (" + failure->text + ")";
    return why;
}

TestReport runTests(const Bundle& bundle, const std::vector<ScriptPtr>& scripts, const CallBudget& budget) {
    return Runner(bundle, scripts, budget).run();
}

std::vector<Complaint> runBundleTests(const Bundle& bundle, const std::vector<ScriptPtr>& scripts, const CallBudget& budget) {
    auto report = runTests(bundle, scripts, budget);
    auto out = std::move(report.complaints);
    for (const auto& one : report.cases)
        if (!one.passed()) out.push_back({one.file, 0, "the case '" + one.name + "' fails: " + one.why, "mend the script or the case"});
    return out;
}

}  // namespace agentidp::policy
