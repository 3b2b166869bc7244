#include "policy/generation.h"

#include <algorithm>
#include <array>

namespace agentidp::policy {
namespace {

constexpr std::array<std::string_view, 3> kModes{"enforce", "shadow", "off"};

}  // namespace

std::string_view nameOf(HookMode mode) { return kModes[static_cast<std::size_t>(mode)]; }

std::optional<HookMode> hookModeNamed(std::string_view name) {
    const auto* found = std::find(kModes.begin(), kModes.end(), name);
    if (found == kModes.end()) return std::nullopt;
    return static_cast<HookMode>(found - kModes.begin());
}

Generation::Generation(Facts facts, std::vector<LoadedScript> scripts)
    : facts_(std::move(facts)), scripts_(std::move(scripts)), enforced_(allHookPoints().size()), shadowed_(allHookPoints().size()) {
    for (const auto& loaded : scripts_) {
        if (loaded.mode == HookMode::Off) continue;
        for (const auto& row : allHookPoints()) {
            if (!loaded.script->hooks(row.point)) continue;
            const bool enforce = loaded.mode == HookMode::Enforce;
            (enforce ? enforced_ : shadowed_)[static_cast<std::size_t>(row.point)].push_back(loaded.script);
            asksAnything_ = true;
            enforcesAnything_ = enforcesAnything_ || enforce;
        }
    }
}

GenerationPtr Generation::inModes(const ModeOf& modeOf) const {
    auto scripts = scripts_;
    for (auto& loaded : scripts) loaded.mode = modeOf(loaded.script->name());
    return std::make_shared<const Generation>(facts_, std::move(scripts));
}

GenerationPtr Generation::as(Facts facts) const { return std::make_shared<const Generation>(std::move(facts), scripts_); }

}  // namespace agentidp::policy
