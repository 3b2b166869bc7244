#pragma once
/// @file kernel/model/credential.h
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "model/ids.h"

namespace agentidp::model {

enum class CredentialStatus { Active, Revoked };

/// One client secret of an agent, as a MAC under a pepper. The secret itself is shown once and never kept.
struct Credential {
    CredentialId id;
    AgentId agentId;
    std::int64_t agentNum = 0;
    base::Bytes secretMac;  ///< HMAC-SHA-256(pepper, secret), 32 bytes
    std::string pepperId;   ///< names the data key
    /// bcrypt, of an imported secret that was not used yet: with an empty secretMac it is the secret itself, with another the
    /// previous one, until previousUntil. Empty in all others.
    std::string importedHash;
    std::optional<base::Bytes> previousMac;  ///< after a rotation with overlap
    std::string previousPepperId;
    std::optional<base::Instant> previousUntil;
    CredentialStatus status = CredentialStatus::Active;
    base::Instant createdAt;
    std::optional<base::Instant> expiresAt;
    std::optional<base::Instant> revokedAt;
    std::optional<base::Instant> lastUsedAt;  ///< accurate to a minute
    std::int64_t rowVersion = 1;
};

inline constexpr std::size_t kMaxActiveCredentials = 10;

}  // namespace agentidp::model
