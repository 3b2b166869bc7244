#pragma once
/// @file kernel/cli/keys/generate.h
/// `agentidp keys generate --jwk`: a private JWK and the JWKS of its public half, for MACP_AUTH_SIGNING_KEY_JSON and the like.
/// Needs no daemon, no settings and no data directory, and keeps nothing.
#include <iosfwd>
#include <string>
#include <vector>

namespace agentidp::cli {

/// `arguments` follow `keys generate`: --jwk, --alg ES256|RS256|PS256|EdDSA, --kid NAME, --json, --help. The private JWK goes to
/// `out` once. Answers the exit code: 0 done, 1 failed, 2 misuse (one line on `err` that says what to write instead).
[[nodiscard]] int runKeysGenerate(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace agentidp::cli
