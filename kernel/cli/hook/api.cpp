/// `agentidp hook api`: what hooks are asked, may answer and may use, from the tables that the sandbox is built from.
#include <iostream>

#include "base/text.h"
#include "cli/arguments/arguments.h"
#include "cli/hook/verbs.h"
#include "policy/hook_point.h"
#include "policy/host_api.h"
#include "policy/script.h"

namespace agentidp::cli {
namespace {

namespace json = base::json;

std::vector<std::string> resultsOf(const policy::HookPointRow& row) {
    std::vector<std::string> out;
    for (unsigned bit = 1; bit <= static_cast<unsigned>(policy::VerdictKind::Finding); bit <<= 1U)
        if (const auto kind = static_cast<policy::VerdictKind>(bit); row.permits(kind)) out.emplace_back(nameOf(kind));
    return out;
}

std::string_view says(policy::OnFailure failure) {
    switch (failure) {
        case policy::OnFailure::Deny: return "the request is denied (503 hook_unavailable)";
        case policy::OnFailure::DenyOrOmit: return "the request is denied; with on_error = \"omit\" nothing is added";
        case policy::OnFailure::BuiltIn: return "as if the hook were not there";
        case policy::OnFailure::Mark: return "the event is written with ext_error";
        case policy::OnFailure::OmitOptional: return "every optional field is left out";
        case policy::OnFailure::Hold: return "asked again later";
        case policy::OnFailure::MarkRecord: return "the record is marked";
    }
    return "";
}

std::string_view says(policy::FieldType type) {
    switch (type) {
        case policy::FieldType::Text: return "text";
        case policy::FieldType::Integer: return "integer";
        case policy::FieldType::Boolean: return "boolean";
        case policy::FieldType::List: return "list";
        case policy::FieldType::Object: return "object";
    }
    return "";
}

json::Value everything() {
    json::Array points, names;
    for (const auto& row : policy::allHookPoints()) {
        json::Array fields, results;
        for (const auto& result : resultsOf(row)) results.emplace_back(result);
        for (const auto& field : policy::allHookFields())
            if (field.point == row.point)
                fields.emplace_back(
                    json::Object{{"path", field.path}, {"type", says(field.type)}, {"masked", field.masked}, {"says", field.says}});
        points.emplace_back(json::Object{{"hook", row.name},
                                         {"reserved", row.reserved},
                                         {"when", row.when},
                                         {"results", std::move(results)},
                                         {"onFailure", says(row.onFailure)},
                                         {"fields", std::move(fields)}});
    }
    for (const auto& name : policy::allHostNames())
        names.emplace_back(json::Object{{"module", name.module}, {"name", name.name}, {"usage", name.usage}, {"says", name.says}});
    const policy::CallBudget budget;
    return json::Object{{"api", 1},
                        {"budget", json::Object{{"units", budget.units},
                                                {"wall_ms", static_cast<std::int64_t>(budget.wall.count())},
                                                {"memory_bytes", static_cast<std::int64_t>(budget.memory)},
                                                {"result_bytes", static_cast<std::int64_t>(budget.result)},
                                                {"depth", budget.depth}}},
                        {"hooks", std::move(points)},
                        {"names", std::move(names)}};
}

void tell() {
    for (const auto& row : policy::allHookPoints()) {
        std::cout << row.name << (row.reserved ? " (reserved: a script that names it is refused)" : "") << "\n  asked when  " << row.when
                  << "\n  may return  " << base::join(resultsOf(row), ", ") << "\n  on failure  " << says(row.onFailure) << "\n";
        for (const auto& field : policy::allHookFields())
            if (field.point == row.point)
                std::cout << "  ." << field.path << "  " << says(field.type) << (field.masked ? ", masked in the decision log" : "") << ": "
                          << field.says << "\n";
        std::cout << "\n";
    }
    for (const auto& name : policy::allHostNames()) std::cout << name.usage << "  -- " << name.says << "\n";
}

}  // namespace

int runHookApi(const Invocation& invocation) {
    if (!invocation.words.empty()) return refuse("hook api takes no word " + invocation.words[0], kMisuse);
    if (invocation.json())
        std::cout << json::writePretty(everything()) << "\n";
    else
        tell();
    return kDone;
}

}  // namespace agentidp::cli
