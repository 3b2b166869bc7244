#pragma once
/// @file kernel/plugin/check/steps.h
/// The checks themselves, group by group. They run in a child process: a plugin that crashes or hangs ends it, and the parent
/// names the check that was under way.
#include <functional>
#include <optional>
#include <string>

#include "plugin/check/report.h"
#include "plugin/check/subject.h"

namespace agentidp::plugin::check {

/// Tells what begins, runs it, tells what was seen. A check answers nothing when it held, else one sentence.
class Teller {
public:
    explicit Teller(std::function<void(const Line&)> tell, std::function<void(const Line&)> begin)
        : tell_(std::move(tell)), begin_(std::move(begin)) {}
    using Saw = std::optional<std::string>;
    /// What is under way, for the parent to name should it not end.
    void announce(const std::string& group, const std::string& name) { begin_({group, name, Verdict::Failed, {}}); }
    /// False where the check failed.
    bool check(const std::string& group, const std::string& name, const std::function<Saw()>& run) {
        announce(group, name);
        const Saw saw = run();
        tell_({group, name, saw ? Verdict::Failed : Verdict::Passed, saw.value_or("")});
        return !saw;
    }
    void warn(const std::string& group, const std::string& name, const std::string& why) { tell_({group, name, Verdict::Warned, why}); }
    void skip(const std::string& group, const std::string& name, const std::string& why) { tell_({group, name, Verdict::Skipped, why}); }

private:
    std::function<void(const Line&)> tell_, begin_;
};

/// Without running the file: trust, note, linkage, exports. False: there is nothing to load.
bool checkStatic(const std::string& file, Teller& teller);
/// Loads it into `subject`. False: nothing further can run.
bool checkLoad(Subject& subject, Teller& teller);
/// The rules of the border. False: it could not be started, so its kind's suite cannot run.
bool checkBorder(Subject& subject, Teller& teller);
/// The kind's own promises.
void checkKind(Subject& subject, Teller& teller);

}  // namespace agentidp::plugin::check
