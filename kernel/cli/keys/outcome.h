#pragma once
/// @file kernel/cli/keys/outcome.h
/// What `agentidp keys rotate` and `keys retire` tell the operator: what happened, from when, and what it costs. Pure.
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "keys/rotation.h"

namespace agentidp::cli {

/// `key` is the object both the daemon and the command itself answer with: kid, alg, state, activatesAt.
[[nodiscard]] std::string tellRotation(const base::json::Value& key, base::seconds jwksMaxAge);
[[nodiscard]] std::string tellRetirement(const std::string& kid, keys::Compromise compromise, base::seconds jwksMaxAge);

}  // namespace agentidp::cli
