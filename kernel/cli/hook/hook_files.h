#pragma once
/// @file kernel/cli/hook/hook_files.h
/// Hooks on disk, read and compiled for a verb that works without a daemon.
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/invocation.h"
#include "policy/bundle.h"
#include "policy/tester.h"

namespace agentidp::cli {

struct HookFiles {
    policy::Bundle bundle;
    std::vector<policy::ScriptPtr> scripts;  ///< in the order of their names; empty where any is refused
    std::vector<policy::Complaint> complaints;
    policy::CallBudget budget;  ///< what a call may use by hooks.budget.*, where there are settings that can be read
    [[nodiscard]] bool refused() const { return policy::anyFatal(complaints); }
};
/// A folder as the daemon would read it, or one script with the documents of data/ beside it.
[[nodiscard]] HookFiles readHooks(const Invocation& invocation, const std::string& path);

/// One line each: "corp.lua:12: what is wrong; what to do", warnings marked.
void tellComplaints(const std::vector<policy::Complaint>& complaints, std::ostream& out);
[[nodiscard]] base::json::Array complaintsJson(const std::vector<policy::Complaint>& complaints);

/// `-` is standard input. Errc::NotFound where it cannot be read.
[[nodiscard]] base::Result<std::string> readText(const std::string& path);

/// One script, one of its hooks, and what it is asked: what `run` and `bench` are about.
struct Question {
    policy::ScriptPtr script;
    std::string text;  ///< of the script
    policy::HookPoint point{};
    base::json::Value input;
    HookFiles files;
};
/// Nothing, with the reason on standard error and the exit code in `code`.
[[nodiscard]] std::optional<Question> questionOf(const Invocation& invocation, const std::string& script, const std::string& hook,
                                                 const std::string& inputFile, int& code);

}  // namespace agentidp::cli
