#pragma once
/// @file kernel/policy/merge.h
/// What the scripts of one point say together. Pure; one thread.
#include <string_view>

#include "policy/hooks.h"
#include "policy/script.h"

namespace agentidp::policy {

/// `audience_conflict` and `no_scope_left`: denies that no script spoke alone.
inline constexpr std::string_view kAudienceConflict = "audience_conflict";
inline constexpr std::string_view kNoScopeLeft = "no_scope_left";

/// Takes one report a script, in the order of the scripts' names. An explicit deny outranks a failure: trying again cannot help there.
class Merger {
public:
    explicit Merger(HookPoint point) : row_(rowOf(point)) {}
    void take(const Script& script, const CallReport& report);
    [[nodiscard]] Ruling ruling() const;

private:
    void deny(const std::string& script, std::string_view code, std::string reason);
    void failed(const Script& script, const Failure& failure);
    void said(const Script& script, const Verdict& verdict);
    void narrow(const Script& script, const Verdict& verdict);

    const HookPointRow& row_;
    Ruling ruling_;
    bool denied_ = false;  ///< by a script, or by two that cannot both be followed
};

/// Whether a caller would do something else on `other` than on `one`.
[[nodiscard]] bool differs(const Ruling& one, const Ruling& other);

}  // namespace agentidp::policy
