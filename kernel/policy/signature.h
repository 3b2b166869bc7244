#pragma once
/// @file kernel/policy/signature.h
/// Who vouches for a bundle: bundle.sig is a signed note (C2SP signed-note, Ed25519) over the bundle's hash, hooks.trust the public
/// keys that are believed. Pure; any thread.
#include <string>
#include <vector>

#include "audit/note.h"
#include "policy/bundle.h"

namespace agentidp::policy {

/// Keys as `agentidp hook sign` prints them, `name+hhhhhhhh+base64`. Errc::Invalid names the one that is none.
[[nodiscard]] base::Result<std::vector<audit::NoteKey>> readTrust(const std::vector<std::string>& keys);

/// What bundle.sig holds: the note over `bundle`'s hash, signed by one key.
[[nodiscard]] base::Result<std::string> signBundle(const Bundle& bundle, const audit::NoteKey& key, const audit::Sign& sign);

/// With no `trust`, every bundle passes, signed or not. Else it must be signed, over this very content, by one of `trust`, and no
/// signature of one of them may be wrong. Errc::Denied, and why.
[[nodiscard]] base::Result<void> verifyBundle(const Bundle& bundle, const std::vector<audit::NoteKey>& trust);

}  // namespace agentidp::policy
