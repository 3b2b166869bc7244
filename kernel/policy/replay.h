#pragma once
/// @file kernel/policy/replay.h
/// What a script would have decided: lines of the decision log (docs/hook-authors/decision-log.md) are asked again. Pure but for the
/// script's work; any thread.
#include <string>
#include <string_view>
#include <vector>

#include "policy/script.h"

namespace agentidp::policy {

/// One line of the log that would be another.
struct ReplayChange {
    std::size_t line = 0;  ///< in the log, from 1
    std::string id, time, hook, requestId;
    base::json::Value before, after;  ///< as outcomeOf() writes them; null: the script is not asked there
};
struct ReplayUnjudged {
    std::size_t line = 0;
    std::string id, hook, why;
};

struct ReplayReport {
    std::size_t judged = 0;  ///< the changed ones among them
    std::size_t others = 0;  ///< decisions of other scripts
    std::size_t unreadable = 0;
    std::vector<ReplayChange> changed;
    std::vector<ReplayUnjudged> unjudged;
    [[nodiscard]] base::json::Value json(const Script& script) const;
};

/// Takes the log line by line. Counters of the script begin at nothing and follow the lines. A line cannot be judged where its input was
/// too large to be logged, where a result is masked, or where a line of the script that ran names a masked member, or reads members
/// without naming them (pairs, json.encode, value[name]).
class Replay {
public:
    /// Decisions of the script called `of` are asked again; `text` is that of `script`, which outlives it.
    Replay(const Script& script, std::string_view text, std::string of, CallBudget budget);
    void line(std::string_view line);
    [[nodiscard]] const ReplayReport& report() const { return report_; }

private:
    void judge(const base::json::Value& decision, HookPoint point, base::Instant at);
    /// What ran, as text.
    [[nodiscard]] std::string ran(const Coverage& coverage) const;

    const Script& script_;
    std::vector<std::string> lines_;
    std::string of_;
    CallBudget budget_;
    std::size_t number_ = 0;
    ReplayReport report_;
};

}  // namespace agentidp::policy
