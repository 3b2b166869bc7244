#pragma once
/// @file kernel/jose/jwk.h
/// JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037) and JWK sets, strictly: one key type a key, members in exact form,
/// no symmetric keys. Pure; any thread.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/key.h"
#include "model/ids.h"

namespace agentidp::jose {

/// A key that verifies, and the one algorithm it verifies.
struct VerificationKey {
    model::KeyId kid;
    crypto::Algorithm alg;
    crypto::PublicKey key;
};

/// A key that signs. `kid` is the JWK's own, else the thumbprint.
struct SigningJwk {
    model::KeyId kid;
    bool namesItself = false;  ///< the JWK had a kid
    crypto::Algorithm alg;
    crypto::PrivateKey key;
};

inline constexpr std::size_t kMaxKidLength = 256;

/// RFC 7638 over SHA-256, base64url, 43 characters.
[[nodiscard]] std::string thumbprint(const crypto::PublicKey& key);

/// `alg` absent: `otherwise`, or for EC and Ed25519 the only one there is; an RSA key without either is refused. A `use` other
/// than sig, `key_ops` without verify, private members, a kid over 256 characters, and anything not in exact form: Errc::Invalid.
[[nodiscard]] base::Result<VerificationKey> importPublic(const base::json::Value& jwk, std::optional<crypto::Algorithm> otherwise = {});
/// The same for a private key; `key_ops` must hold sign. A public-only key is refused with a hint that says so. The parser
/// leaves copies of the text in memory that is not wiped; that is for keys from a variable or file, which are in memory anyway.
[[nodiscard]] base::Result<SigningJwk> importPrivate(const base::json::Value& jwk, std::optional<crypto::Algorithm> otherwise = {});
[[nodiscard]] base::Result<SigningJwk> importPrivateText(std::string_view json, std::optional<crypto::Algorithm> otherwise = {});

/// {"kty":"EC","x":...,"y":...,"crv":...,"kid","alg","use":"sig"}: only members that anybody may see.
[[nodiscard]] base::json::Value exportPublic(const VerificationKey& key);
/// The public members and the private ones, for `keys generate --jwk`.
[[nodiscard]] base::Result<base::Secret> exportPrivate(const SigningJwk& key);

/// {"keys":[...]} in the order given.
[[nodiscard]] std::string writeJwks(const std::vector<VerificationKey>& keys);
/// Every key of a set. A kid that occurs twice, a key that cannot be imported, or a set without keys refuses the whole set:
/// a set of ours never has one, and guessing which key was meant is how confusions begin.
[[nodiscard]] base::Result<std::vector<VerificationKey>> parseJwks(std::string_view json);

}  // namespace agentidp::jose
