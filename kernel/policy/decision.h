#pragma once
/// @file kernel/policy/decision.h
/// One call of a hook as a line of the decision log (docs/hook-authors/decision-log.md). Pure; any thread.
#include <memory>
#include <string>
#include <vector>

#include "policy/generation.h"

namespace agentidp::policy {

struct Decision {
    std::string id;  ///< of the question; every script that was asked it has the same
    base::Instant at;
    HookPoint point{};
    ScriptPtr script;
    std::uint64_t generation = 0;
    HookMode mode = HookMode::Enforce;
    std::string tenant;
    std::string requestId;
    CallReport report;
    std::shared_ptr<const base::json::Value> input;
};

/// {"kind": ..., and what that kind has}: a verdict as the decision log, test cases and replay write it. A deny's reason stands beside it.
[[nodiscard]] base::json::Value resultOf(const Verdict& verdict);

/// A deny, a drop or a failure: what is always written.
[[nodiscard]] bool mustBeWritten(const CallReport& report);

/// Paths below a hook's argument that are hidden: "agent.owner", "scopes[]", "events[].ip".
class Mask {
public:
    /// Those of hook_points.def that are masked, and `more` at every point. Errc::Invalid names a path that is none.
    static base::Result<Mask> make(const std::vector<std::string>& more);
    /// Replaces what stands there and is not null by "***"; returns the paths that something was replaced at.
    std::vector<std::string> hide(HookPoint point, base::json::Value& input) const;

private:
    struct Path {
        std::optional<HookPoint> point;  ///< nothing: at every one
        std::string text;
        std::vector<std::string> steps;  ///< "[]": each item
    };
    static std::optional<std::vector<std::string>> stepsOf(std::string_view path);
    std::vector<Path> paths_;
};

/// Bytes of `input` as text that a line may have; above that it is null.
inline constexpr std::size_t kMaxLoggedInput = 256U << 10U;

/// One line with its end.
[[nodiscard]] std::string lineOf(const Decision& decision, const Mask& mask);

/// Where decisions go. Any thread.
class Decisions {
public:
    virtual ~Decisions() = default;
    /// Whether a call that ended thus will be written: asked before anything is copied for write().
    [[nodiscard]] virtual bool wants(const CallReport& report) = 0;
    virtual void write(Decision decision) = 0;
};

}  // namespace agentidp::policy
