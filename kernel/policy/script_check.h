#pragma once
/// @file kernel/policy/script_check.h
/// What can be told of a script without running it, from its bytecode: names that nothing declares, members that no result has, fields that
/// no hook is shown. Follows registers through straight code, and forgets where two ways meet: it may miss, and does not invent. Any
/// thread.
#include <string>
#include <unordered_set>
#include <vector>

#include "policy/chunk.h"
#include "policy/script.h"

namespace agentidp::policy::sandbox {

/// Where a hook's function stands: what compile() learns by running the script's body.
struct HookPlace {
    HookPoint point{};
    int firstLine = 0;
    int lastLine = 0;
};

/// Fatal complaints: undeclared globals (unless `anyGlobals`), members of literal results (unless `anyMembers`).
[[nodiscard]] std::vector<Complaint> checkNames(const std::string& file, const Function& body, bool anyGlobals, bool anyMembers);
/// Warnings: fields of the argument that hook_points.def does not list, for points that have rows.
[[nodiscard]] std::vector<Complaint> checkFields(const std::string& file, const Function& body, const std::vector<HookPlace>& places);
/// Documents and counters that the script names and `needs` does not hold; fatal.
[[nodiscard]] std::vector<Complaint> checkNeeds(const std::string& file, const Function& body,
                                                const std::unordered_set<std::string>& needs);
/// Lines that have code.
[[nodiscard]] std::vector<int> activeLinesOf(const Function& body);
/// Every string constant.
[[nodiscard]] std::unordered_set<std::string> textsOf(const Function& body);

}  // namespace agentidp::policy::sandbox
