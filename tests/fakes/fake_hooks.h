#pragma once
/// @file tests/fakes/fake_hooks.h
/// Hooks whose rulings a test sets, point by point, and which remember what they were shown.
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "policy/hooks.h"

namespace agentidp::tests {

class FakeHooks final : public policy::Hooks {
public:
    std::map<policy::HookPoint, policy::Ruling> rulings;  ///< the points that listen
    std::vector<std::pair<policy::HookPoint, base::json::Value>> asked;
    std::string tenant;

    [[nodiscard]] std::unique_ptr<policy::Session> begin(policy::RequestFacts) override {
        if (rulings.empty()) return nullptr;
        return std::make_unique<Talk>(*this);
    }
    [[nodiscard]] bool listens(policy::HookPoint point) const override { return rulings.contains(point); }

private:
    class Talk final : public policy::Session {
    public:
        explicit Talk(FakeHooks& hooks) : hooks_(hooks) {}
        [[nodiscard]] bool listens(policy::HookPoint point) const override { return hooks_.listens(point); }
        using Session::ask;
        [[nodiscard]] policy::Ruling ask(policy::HookPoint point, const base::json::Value& input, const policy::LateMember* late) override {
            auto whole = input;
            if (late != nullptr) whole.asObject()->emplace_back(late->name, late->make());
            hooks_.asked.emplace_back(point, std::move(whole));
            return hooks_.rulings.at(point);
        }
        void about(std::string tenant) override { hooks_.tenant = std::move(tenant); }
        [[nodiscard]] std::uint64_t generation() const override { return 1; }

    private:
        FakeHooks& hooks_;
    };
};

}  // namespace agentidp::tests
