#pragma once
/// @file kernel/crypto/hkdf.h
/// HKDF with SHA-256 (RFC 5869): several keys from one, each named by its `info`. Any thread.
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"

namespace agentidp::crypto {

/// Extract and expand. `length` is 1 to 8,160 bytes, else Errc::Invalid. An empty salt is 32 zero bytes.
[[nodiscard]] base::Result<base::Secret> hkdfSha256(base::BytesView key, base::BytesView salt, std::string_view info, std::size_t length);

}  // namespace agentidp::crypto
