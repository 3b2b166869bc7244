#pragma once
/// @file kernel/app/mint_key.h
/// Where the key of the MACP mint is from, and whether it may mint with that one: asked by the start and by `agentidp check`.
#include <string>

#include "base/result.h"
#include "config/settings.h"

namespace agentidp::app {

/// In the reference's word: "generated" by a keys plugin, or "env"; "file" or "cred" where `keys.pinned` names one of those.
[[nodiscard]] std::string mintKeySource(const config::Settings& settings);

/// Errors: Invalid (production mode, a generated key, and nobody said macp.mint.allow_generated_key).
[[nodiscard]] base::Result<void> judgeMintKey(const config::Settings& settings);

}  // namespace agentidp::app
