#pragma once
/// @file kernel/plugin/contract/keys_contract.h
/// What every keys plugin keeps: the promises of aip_keys_ops as runnable cases. What a plugin does not offer (an algorithm, wrapping,
/// export) is expected to be refused with Errc::Unsupported, never to fail in another way.
#include <functional>
#include <vector>

#include "base/clock.h"
#include "plugin/contract/case.h"
#include "plugin/keys.h"

namespace agentidp::plugin::contract {

/// A running instance and the way to end it and start another over the same backing. Cases leave their keys behind.
struct KeysSubject {
    Keys* keys = nullptr;
    /// Stops the instance, starts another with the same settings, answers it; `keys` then is what it answered. Never empty.
    std::function<base::Result<Keys*>()> restart;
    const base::Clock* clock = nullptr;  ///< deadlines are taken from it
};

[[nodiscard]] std::vector<Case<KeysSubject>> keysContract();

}  // namespace agentidp::plugin::contract
