#pragma once
/// @file kernel/app/mint_key.h
/// Where the key of the MACP mint is from, and whether it may mint with that one: asked by the start and by `agentidp check`.
#include <string_view>

#include "base/result.h"
#include "config/settings.h"

namespace agentidp::app {

/// In the reference's word. "generated": a keys plugin made it.
[[nodiscard]] std::string_view mintKeySource();

/// Errors: Invalid (production mode, a generated key, and nobody said macp.mint.allow_generated_key).
[[nodiscard]] base::Result<void> judgeMintKey(const config::Settings& settings);

}  // namespace agentidp::app
