#pragma once
/// @file kernel/macp/gate.h
/// Who may mint (`macp.mint.auth`). The reference mints for whoever reaches it; every other way is ours.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "crypto/hash.h"
#include "macp/refusal.h"
#include "model/caller.h"
#include "oauth/bearer.h"

namespace agentidp::macp {

inline constexpr std::string_view kMintScope = "macp:mint";

enum class MintAuth {
    None,          ///< whoever reaches the listener
    SharedSecret,  ///< `Authorization: Bearer <the secret>`
    Mtls,          ///< a client certificate that the listener verified
    Bearer,        ///< an access token of ours that holds macp:mint
};
/// "none", "shared_secret", "mtls", "bearer".
[[nodiscard]] std::string_view nameOf(MintAuth auth);
[[nodiscard]] std::optional<MintAuth> mintAuthNamed(std::string_view name);

/// A secret that is kept as its MAC under a key of this process alone.
class SharedSecret {
public:
    /// Errors: Invalid (shorter than 16 bytes, or a byte that no header field can carry).
    [[nodiscard]] static base::Result<SharedSecret> make(const base::Secret& secret);
    /// Takes as long for every text of one length.
    [[nodiscard]] bool matches(std::string_view presented) const;

private:
    explicit SharedSecret(crypto::HmacSha256 mac, crypto::Digest256 kept) : mac_(std::move(mac)), kept_(kept) {}
    crypto::HmacSha256 mac_;
    crypto::Digest256 kept_;
};

struct MintCaller {
    MintAuth auth = MintAuth::None;
    std::string actor;                   ///< for the ledger: "anonymous", "shared-secret", "cert:<principal>", the agent's id
    std::string budget;                  ///< whose minute a request is taken from
    std::optional<model::Caller> agent;  ///< Bearer only
};

/// What a request brings along.
struct Presented {
    std::optional<std::string_view> authorization;
    std::string_view certificateDer;  ///< verified by the listener; empty without
    std::string_view address;
};

/// Any thread; blocks only for Bearer, where its verifier does.
class Gate {
public:
    /// `secret` is set for SharedSecret, and only then.
    Gate(MintAuth auth, const oauth::BearerAuth& bearer, std::optional<SharedSecret> secret)
        : auth_(auth), bearer_(bearer), secret_(std::move(secret)) {}
    [[nodiscard]] MintAuth auth() const { return auth_; }
    /// 401 with a challenge, 403 insufficient_scope, 503.
    [[nodiscard]] MintResult<MintCaller> admit(const Presented& presented, base::Instant now) const;

private:
    [[nodiscard]] MintResult<MintCaller> bySecret(const Presented& presented) const;
    [[nodiscard]] static MintResult<MintCaller> byCertificate(const Presented& presented);
    [[nodiscard]] MintResult<MintCaller> byToken(const Presented& presented, base::Instant now) const;

    MintAuth auth_;
    const oauth::BearerAuth& bearer_;
    std::optional<SharedSecret> secret_;
};

}  // namespace agentidp::macp
