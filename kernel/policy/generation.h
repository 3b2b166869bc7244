#pragma once
/// @file kernel/policy/generation.h
/// The hooks that are in force together: compiled scripts, their modes and documents. Immutable; a request holds one from its first
/// question to its last.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "policy/bundle.h"

namespace agentidp::policy {

enum class HookMode : std::uint8_t {
    Enforce,
    Shadow,  ///< asked after the answer; only what it would have changed is told
    Off,
};
[[nodiscard]] std::string_view nameOf(HookMode mode);
[[nodiscard]] std::optional<HookMode> hookModeNamed(std::string_view name);

struct LoadedScript {
    ScriptPtr script;
    HookMode mode = HookMode::Enforce;
    StateMode state = StateMode::Fresh;
};

/// What a script's mode is, by its name.
using ModeOf = std::function<HookMode(const std::string& script)>;

class Generation {
public:
    struct Facts {
        std::uint64_t number = 0;
        std::string sha256;  ///< of the bundle
        std::string cause;   ///< "start", "reload", "push", "rollback"
        base::Instant loadedAt;
        std::shared_ptr<const Bundle> bundle;
    };
    /// `scripts` in the order of their names.
    Generation(Facts facts, std::vector<LoadedScript> scripts);

    [[nodiscard]] const Facts& facts() const { return facts_; }
    [[nodiscard]] const std::vector<LoadedScript>& scripts() const { return scripts_; }
    [[nodiscard]] std::span<const ScriptPtr> enforced(HookPoint point) const { return at(enforced_, point); }
    [[nodiscard]] std::span<const ScriptPtr> shadowed(HookPoint point) const { return at(shadowed_, point); }
    [[nodiscard]] bool listens(HookPoint point) const { return !enforced(point).empty() || !shadowed(point).empty(); }
    /// Whether any point has a script, enforced or in shadow.
    [[nodiscard]] bool asksAnything() const { return asksAnything_; }
    [[nodiscard]] bool enforcesAnything() const { return enforcesAnything_; }

    /// The same in other modes; a new number, cause or time where told.
    [[nodiscard]] std::shared_ptr<const Generation> inModes(const ModeOf& modeOf) const;
    [[nodiscard]] std::shared_ptr<const Generation> as(Facts facts) const;

private:
    using ByPoint = std::vector<std::vector<ScriptPtr>>;
    [[nodiscard]] static std::span<const ScriptPtr> at(const ByPoint& table, HookPoint point) {
        return table[static_cast<std::size_t>(point)];
    }

    Facts facts_;
    std::vector<LoadedScript> scripts_;
    ByPoint enforced_, shadowed_;
    bool asksAnything_ = false;
    bool enforcesAnything_ = false;
};
using GenerationPtr = std::shared_ptr<const Generation>;

}  // namespace agentidp::policy
