#pragma once
/// @file kernel/jose/jws.h
/// Compact JWS (RFC 7515 section 7.1), strictly (RFC 8725): exactly three segments of unpadded base64url, a header of unique
/// members, the key found by our own kid and by nothing the token brings along, and the algorithm that this key has. `jwk`,
/// `jku`, `x5u` and `x5c` are never looked at; `crit` and `b64` are refused. JWE is not read. Pure; any thread.
#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "jose/jwk.h"

namespace agentidp::jose {

inline constexpr std::size_t kMaxToken = 16384;
inline constexpr std::size_t kMaxHeader = 4096;  ///< decoded bytes

struct JwsHeader {
    std::string alg;
    std::string kid;
    std::string typ;  ///< empty where absent
};

/// The parts of a token, nothing verified. `signingInput` borrows from the parsed text.
struct Jws {
    JwsHeader header;
    base::Bytes payload;
    base::Bytes signature;
    std::string_view signingInput;
};

/// Shape only. Errc::Invalid, or Errc::TooLarge over kMaxToken.
[[nodiscard]] base::Result<Jws> parseJws(std::string_view token);

/// The key with that kid, or null. Called at most once a token.
using KeyFinder = std::function<const VerificationKey*(const model::KeyId& kid)>;

/// Parses, finds the key, compares alg, verifies. Every refusal is Errc::Unauthenticated (Errc::TooLarge for size): a caller
/// cannot tell an unknown kid from a wrong signature by the code; the detail, for the log, says which.
[[nodiscard]] base::Result<Jws> verifyJws(std::string_view token, const KeyFinder& find);
[[nodiscard]] base::Result<Jws> verifyJws(std::string_view token, const VerificationKey& key);

/// Header segment of a token we sign, ready to be put before every payload: base64url({"alg","kid"[,"typ"]}) and a dot.
/// The access token's is made once a key, not once a token.
[[nodiscard]] std::string headerSegment(crypto::Algorithm alg, const model::KeyId& kid, std::string_view typ);
/// headerSegment + base64url(payload): what is signed. Reserves room for the signature, so that appendSignature need not move it.
[[nodiscard]] std::string signingInput(std::string_view headerSegment, std::string_view payload);
/// Completes a signing input to a token.
void appendSignature(std::string& signingInput, base::BytesView signature);

}  // namespace agentidp::jose
