#pragma once
/// @file kernel/crypto/bcrypt.h
/// bcrypt hashes of imported databases ($2a$, $2b$, $2y$), by libxcrypt. They are only ever compared with, never made.
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace agentidp::crypto {

/// Above this a comparison takes seconds, which nobody may make a server do.
inline constexpr int kMostBcryptCost = 14;

/// A whole bcrypt hash of cost 4 to kMostBcryptCost.
[[nodiscard]] bool isBcrypt(std::string_view hash);

/// Any thread, and slow by design: cost 10 takes some 60 ms, each step above it doubles that. Never on an event loop. bcrypt looks at
/// the first 72 bytes and at nothing behind a NUL: a secret with more matches nothing here, since what is not looked at could be anything.
/// Errc::Invalid: `hash` is none that isBcrypt knows.
[[nodiscard]] base::Result<bool> bcryptMatches(std::string_view hash, base::BytesView secret);

}  // namespace agentidp::crypto
