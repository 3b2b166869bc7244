#pragma once
/// @file kernel/store/hook_bundles.h
/// What replicas share of hooks: the hook_bundles table, whose row of the highest number is in force where hooks.source = storage, and
/// the modes that `agentidp hook mode` set, rows of meta.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugin/storage.h"

namespace agentidp::store {

struct HookBundle {
    std::int64_t number = 0;  ///< from 1
    std::string sha256;
    std::string bundle;    ///< as policy::packBundle writes it
    std::string pushedBy;  ///< "cli:<uid>"
    base::Instant pushedAt;
};

/// The bundle in force and the two before it stay.
inline constexpr std::size_t kKeptBundles = 3;

/// Fails with Exists where somebody else took the number meanwhile.
[[nodiscard]] plugin::Op insertHookBundle(const HookBundle& bundle);
[[nodiscard]] plugin::Op removeHookBundles(const std::vector<std::int64_t>& numbers);
[[nodiscard]] base::Result<std::optional<HookBundle>> newestHookBundle(plugin::Storage& storage, const base::Clock& clock);
/// Newest first; reads no bundle.
[[nodiscard]] base::Result<std::vector<std::int64_t>> hookBundleNumbers(plugin::Storage& storage, const base::Clock& clock);
/// The newest below `number`.
[[nodiscard]] base::Result<std::optional<HookBundle>> hookBundleBefore(plugin::Storage& storage, const base::Clock& clock,
                                                                       std::int64_t number);

[[nodiscard]] plugin::Op putHookMode(const std::string& script, const std::string& mode);
[[nodiscard]] plugin::Op removeHookMode(const std::string& script);
/// Mode by script; up to 1,000.
[[nodiscard]] base::Result<std::map<std::string, std::string>> readHookModes(plugin::Storage& storage, const base::Clock& clock);

}  // namespace agentidp::store
