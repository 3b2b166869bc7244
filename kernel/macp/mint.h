#pragma once
/// @file kernel/macp/mint.h
/// From a checked request to a signed token of the mint and the event that tells of it. Header exactly `alg kid`; payload in this
/// order: `macp_scopes sub iss aud iat exp jti`. It has no `typ`, so that it is no access token of ours (RFC 9068 section 2.1).
#include <string>

#include "base/result.h"
#include "macp/gate.h"
#include "macp/mint_request.h"
#include "model/answer.h"
#include "model/audit_event.h"
#include "oauth/ports.h"

namespace agentidp::macp {

/// Who issues and for whom.
struct MintNames {
    std::string issuer;
    std::string audience;
};

struct MintedToken {
    std::string token;  ///< wipe it, and the answer, if the event could not be made durable
    std::string jti;
    model::Answer answer;     ///< {token, sender, expires_in_seconds}
    model::AuditEvent event;  ///< token.minted
};

/// Any thread; blocks where the signer does.
class Mint {
public:
    Mint(MintNames names, oauth::Signer& signer) : names_(std::move(names)), signer_(signer) {}
    [[nodiscard]] const MintNames& names() const { return names_; }
    /// 503 where no key may sign.
    [[nodiscard]] MintResult<MintedToken> mint(const MintRequest& request, const MintCaller& caller, const model::Origin& origin) const;

private:
    MintNames names_;
    oauth::Signer& signer_;
};

/// Math.round: to the nearest whole number, halves up.
[[nodiscard]] std::int64_t roundHalfUp(double seconds);

}  // namespace agentidp::macp
