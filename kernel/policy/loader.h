#pragma once
/// @file kernel/policy/loader.h
/// From a bundle to a generation: signature, compiling, bundled tests, selftest. Nothing is put in force here.
#include "policy/generation.h"
#include "policy/signature.h"

namespace agentidp::policy {

using Compile = std::function<Compiled(const ScriptSource&, const std::shared_ptr<const Documents>&, const CallBudget&)>;

struct LoadRules {
    CallBudget budget;
    std::vector<audit::NoteKey> trust;  ///< empty: no signature is wanted
    std::function<StateMode(const std::string& script)> stateOf;
    ModeOf modeOf;
    Compile compile = policy::compile;
    BundleTests tests;                                  ///< none: bundles are not tested
    std::function<base::Result<void>()> selftest = {};  ///< none: it is not run now
};

struct Load {
    GenerationPtr generation;           ///< null where it was refused
    std::vector<Complaint> complaints;  ///< warnings too
    std::string refusedBy;              ///< "read", "signature", "check", "tests", "selftest"; empty where it was not
};

/// `facts.sha256` and `facts.bundle` are filled here. Blocks for as long as the tests and the selftest take.
[[nodiscard]] Load loadBundle(BundleReading reading, const LoadRules& rules, Generation::Facts facts);

/// "corp.lua:12: what is wrong; what to do"
[[nodiscard]] std::string sentence(const Complaint& complaint);

}  // namespace agentidp::policy
