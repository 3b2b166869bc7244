#pragma once
/// @file kernel/crypto/aes_cbc.h
/// AES-256-CBC with PKCS#7 padding (NIST SP 800-38A), only to open what an imported database sealed with it. It has no integrity:
/// a wrong key or a changed byte shows by chance only, so the caller judges what comes out. Any thread.
#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"

namespace agentidp::crypto {

/// Errc::Invalid: a key of other than 32 bytes, an IV of other than 16, or a padding that does not fit.
[[nodiscard]] base::Result<base::Secret> openAesCbc(base::BytesView key, base::BytesView iv, base::BytesView sealed);

}  // namespace agentidp::crypto
