#pragma once
/// @file kernel/plugin/checker.h
/// `agentidp plugin check`: everything that can be known of a plugin before a daemon trusts it. The checks run in a child process
/// of their own, which a crash or a hang may end.
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "plugin/check/report.h"

namespace agentidp::plugin {

struct CheckOptions {
    std::string file;             ///< absolute
    base::json::Object settings;  ///< of --config: flat, typed. `${fresh}` in a text is another word for each instance
    enum class Backend { Sparing, Live };
    Backend backend = Backend::Sparing;  ///< Live: a real backend may be written to
    /// Checks that may fail: a part of their name, and why. They are shown, as warnings.
    struct Exception {
        std::string name;
        std::string why;
    };
    std::vector<Exception> exceptions;
    base::milliseconds silence{120'000};  ///< a single check that takes longer is a failure and the end
};

/// Forks: to be called while this process has one thread. `tell` gets each line as it is known. Errors: Unavailable (no child,
/// no folder for its files).
[[nodiscard]] base::Result<check::Report> checkPlugin(const CheckOptions& options, const std::function<void(const check::Line&)>& tell);

}  // namespace agentidp::plugin
