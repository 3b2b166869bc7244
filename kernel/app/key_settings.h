#pragma once
/// @file kernel/app/key_settings.h
/// What the settings say of signing keys, as the key ring wants it; reads and judges a pinned key.
#include "base/result.h"
#include "config/loader.h"
#include "keys/key_ring.h"

namespace agentidp::app {

/// Before anything is opened, and at a reload. Invalid, naming the variable or setting: the pinned key cannot be used.
/// Unavailable: what a reference names cannot be read now.
[[nodiscard]] base::Result<keys::KeyRing::Settings> keySettings(const config::Settings& settings, const config::Environment& environment);

}  // namespace agentidp::app
