#pragma once
/// @file kernel/policy/selftest.h
/// Whether the sandbox holds, on this machine and in this build: every script of corpus/ runs, and must end as its first line says, within
/// its budget. At start, at each reload, and as `agentidp hook selftest`. Any thread; some tenths of a second.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/script.h"

namespace agentidp::policy {

/// How far past its wall budget a call may be found: what one host function or one collection takes.
inline constexpr base::milliseconds kSelftestGrace{10};

struct SelftestCase {
    std::string name;           ///< of the file in corpus/
    std::string tries;          ///< what it tries
    std::string expected;       ///< "units", "memory or runtime", "load" (refused by compile()), "none" (harmless: a verdict)
    std::string seen;           ///< one of these words
    base::microseconds cpu{0};  ///< of the calling thread: what is judged, so that a busy machine fails nobody
    base::microseconds wall{0};
    bool passed = false;
};

struct SelftestReport {
    std::vector<SelftestCase> cases;      ///< in the order of their names
    std::vector<std::string> strayNames;  ///< what a state offers and host_api.def does not list; must be empty
    [[nodiscard]] bool passed() const;
    [[nodiscard]] std::size_t failures() const;
    /// The case that ran longest past the wall budget, by CPU time; its overshoot is negative where none did. Null without cases.
    [[nodiscard]] const SelftestCase* slowest() const;
};

[[nodiscard]] SelftestReport selftest(const CallBudget& budget);

struct CorpusScript {
    std::string_view name;
    std::string_view text;
};
/// The files of corpus/, as they were built in.
[[nodiscard]] std::span<const CorpusScript> corpus();

}  // namespace agentidp::policy
