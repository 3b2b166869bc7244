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
/// too large to be logged, where a masked member of it is one that the script's text names (or the script walks over members without
/// naming them), or where its result is masked.
class Replay {
public:
    /// Decisions of the script called `of` are asked again; `text` is that of `script`. Both outlive it.
    Replay(const Script& script, std::string_view text, std::string of, CallBudget budget);
    void line(std::string_view line);
    [[nodiscard]] const ReplayReport& report() const { return report_; }

private:
    [[nodiscard]] std::string whyNot(const base::json::Value& decision) const;
    [[nodiscard]] bool mayRead(std::string_view path) const;

    const Script& script_;
    std::string_view text_;
    std::string of_;
    CallBudget budget_;
    bool walks_ = false;
    std::size_t number_ = 0;
    ReplayReport report_;
};

}  // namespace agentidp::policy
