#pragma once
/// @file kernel/crypto/weak_rsa.h
/// Moduli that are known to be weak whatever their length.
#include "base/bytes.h"

namespace agentidp::crypto {

/// The fingerprint of CVE-2017-15361 (ROCA): modulo every small prime the modulus is a power of 65537. A sound modulus passes
/// for one by chance less than once in 2^100. `modulus` is big-endian. Any thread; pure.
[[nodiscard]] bool isRocaModulus(base::BytesView modulus);

}  // namespace agentidp::crypto
