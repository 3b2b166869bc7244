#pragma once
/// @file kernel/store/signing_keys.h
/// The signing_keys table: public halves and states. Writes are Op values for an audit::Effect; the read may block.
#include <string_view>
#include <vector>

#include "model/signing_key.h"
#include "plugin/storage.h"

namespace agentidp::store {

[[nodiscard]] std::string_view nameOf(model::KeyState state);

/// Fails with Exists where the kid is taken.
[[nodiscard]] plugin::Op insertSigningKey(const model::SigningKey& key);
/// Writes state, times, the wrapped copy and the compromised mark, and the next version; Conflict or NotFound unless the stored version is
/// `expected`. What a key is (alg, JWK, plugin, fingerprint) never changes.
[[nodiscard]] plugin::Op updateSigningKey(const model::SigningKey& key, std::int64_t expected);
/// Only the next version: two replicas that both mean to follow the same key cannot both succeed.
[[nodiscard]] plugin::Op touchSigningKey(const model::KeyId& kid, std::int64_t expected);

/// Every key that ever was, oldest first. Any thread.
[[nodiscard]] base::Result<std::vector<model::SigningKey>> readSigningKeys(plugin::Storage& storage, const base::Clock& clock);

}  // namespace agentidp::store
