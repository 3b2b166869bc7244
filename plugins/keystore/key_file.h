#pragma once
/// @file plugins/keystore/key_file.h
/// What is in one key file: lines of text, then the private key (PKCS#8) sealed with all lines before it as associated data. So no line can
/// be changed, and no file can take another's place, without whoever sealed it.
///
///     agentidp-key 1
///     kek R1dWq0v3J9E                                  what it was sealed under: Sealer::id()
///     fingerprint NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
///     alg ES256
///     created 1790000000000000                         us
///     retired -                                        us once retired: then what is sealed is empty
///     jwk {"crv":"P-256","kty":"EC","x":"...","y":"..."}
///     sealed <base64url: as the Sealer makes it>
#include <agentidp/plugin.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "keystore/sealer.h"

namespace agentidp::keystore {

struct KeyFile {
    std::string kekId;
    std::string fingerprint;
    std::string alg;
    std::int64_t createdAtUs = 0;
    std::optional<std::int64_t> retiredAtUs;
    std::string jwk;
    std::string header;  ///< the lines before `sealed`, as they are in the file
    std::string sealed;  ///< bytes
};

inline constexpr std::size_t kLargestKeyFile = 64U << 10U;

/// Nothing where `text` is not exactly such a file.
[[nodiscard]] std::optional<KeyFile> parseKeyFile(std::string_view text);

/// The text of a file for `key`, whose header and sealed are made here; `pkcs8` is empty for a retired key.
[[nodiscard]] aip::Outcome<std::string> writeKeyFile(const KeyFile& key, std::string_view pkcs8, Sealer& sealer, const aip::Call& call);

}  // namespace agentidp::keystore
