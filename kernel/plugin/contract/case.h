#pragma once
/// @file kernel/plugin/contract/case.h
/// One promise of a plugin kind, as something that runs: the same suites serve `agentidp plugin check`, the plugins in this
/// tree and the fakes of our own tests.
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace agentidp::plugin::contract {

/// `Subject` is the kind's interface (or a small struct that also makes fresh instances). `run` answers nothing when the
/// promise held, else one sentence that says what was seen.
template <class Subject>
struct Case {
    std::string name;  ///< a sentence in camelCase: refusesSecondRowWithTheSameKey
    std::function<std::optional<std::string>(Subject&)> run;
};

}  // namespace agentidp::plugin::contract
