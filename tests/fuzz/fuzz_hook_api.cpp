/// Any text as a script, and as the body of a hook, called within a small budget: it is refused with a complaint, or every call ends with a
/// verdict or a failure that says where; the same whether its argument is copied whole or as far as it can look at it.
#include "base/text.h"
#include "byte_input.h"
#include "policy/decision.h"
#include "policy/script.h"

namespace {

using namespace agentidp;

std::string said(const policy::CallReport& report) {
    const auto* verdict = report.verdict();
    return verdict != nullptr ? base::json::write(policy::resultOf(*verdict)) + verdict->reason : report.failure()->text;
}

/// What an argument costs to copy counts, so a budget may end one call and not the other.
bool spent(const policy::CallReport& report) {
    const auto* failure = report.failure();
    return failure != nullptr && (failure->kind == policy::FailureKind::Units || failure->kind == policy::FailureKind::Deadline ||
                                  failure->kind == policy::FailureKind::Memory);
}

/// `whole`, where there is one, must answer the same; it is let go once a budget ended one of both.
void callAll(const policy::Compiled& made, policy::ScriptPtr& whole, const policy::CallOptions& options) {
    const base::json::Object agent{{"id", "a1"}, {"labels", base::json::Array{"x", "y"}}, {"owner", nullptr}};
    const base::json::Object input{{"agent", agent}, {"scopes", base::json::Array{"tool:shell", "read"}}, {"ttl", 3600}, {"rate", 0.5}};
    for (const auto& row : policy::allHookPoints()) {
        if (!made.script->hooks(row.point)) continue;
        const auto report = made.script->call(row.point, input, options);
        fuzz::require(report.failure() != nullptr || row.permits(report.verdict()->kind));
        fuzz::require(report.failure() == nullptr || !report.failure()->text.empty());
        fuzz::require(report.logged.size() <= 32);
        if (!whole) continue;
        const auto other = whole->call(row.point, input, options);
        if (spent(report) || spent(other))
            whole = nullptr;
        else
            fuzz::require(said(report) == said(other));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto documents = std::make_shared<const policy::Documents>(
        policy::Documents{{"teams", base::json::Object{{"red", base::json::Array{1, 2, 3}}, {"blue", base::json::Object{{"lead", "x"}}}}}});
    policy::CallOptions options;
    options.budget.units = 20'000;
    options.budget.wall = base::milliseconds(200);  // of an instrumented build
    options.budget.memory = 1U << 20U;
    options.now = base::Instant(base::seconds(1'780'000'000));
    const std::string text(fuzz::textOf(data, size));
    const std::string hook =
        "return { api = 1, name = 'f', version = '1', needs = { 'data.teams', 'counter' }, hooks = { scope_check = function(ctx)\n" + text +
        "\nend, claims = function(ctx)\n" + text + "\nend } }";
    for (const auto& script : {text, hook}) {
        policy::ScriptSource source{"f.lua", script, size % 2 == 0 ? policy::StateMode::Fresh : policy::StateMode::Pooled};
        const auto made = policy::compile(source, documents, options.budget);
        source.wholeArguments = true;
        const auto whole = policy::compile(source, documents, options.budget);
        for (const auto& complaint : made.complaints)
            fuzz::require(complaint.file == "f.lua" && !complaint.text.empty() && !complaint.mend.empty());
        if (!made.script) {
            fuzz::require(!made.complaints.empty());
            continue;
        }
        // `next` goes through a table in an order of the state's own.
        auto other = script.find("next") == std::string::npos ? whole.script : nullptr;
        callAll(made, other, options);
        callAll(made, other, options);
    }
    return 0;
}
