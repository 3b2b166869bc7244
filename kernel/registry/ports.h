#pragma once
/// @file kernel/registry/ports.h
/// What the registry's rules read. app/wiring connects them to the store; unit tests bring fakes. Called from any thread at
/// once; may block. Errors: NotFound, Unavailable, Deadline. Nothing is written through them.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/hash.h"
#include "model/agent.h"
#include "model/credential.h"
#include "model/decided.h"
#include "model/organization.h"
#include "model/problem.h"

namespace agentidp::registry {

/// What a list of agents may be narrowed by; absent members narrow nothing.
struct AgentFilter {
    std::optional<std::int64_t> organizationNum;
    std::optional<model::AgentStatus> status;
    std::optional<std::string> owner, agentType;
    std::optional<model::DeploymentEnv> deploymentEnv;
};

/// Agents carry both their organization's number and its id.
class Agents {
public:
    virtual ~Agents() = default;
    [[nodiscard]] virtual base::Result<model::Agent> find(const model::AgentId& id) = 0;
    /// Newest first; `before` is the num of the last one seen.
    [[nodiscard]] virtual base::Result<std::vector<model::Agent>> list(const AgentFilter& filter, std::optional<std::int64_t> before,
                                                                       std::uint32_t limit) = 0;
};

class Organizations {
public:
    virtual ~Organizations() = default;
    [[nodiscard]] virtual base::Result<model::Organization> find(const model::OrganizationId& id) = 0;
    /// Newest first; `before` is the num of the last one seen.
    [[nodiscard]] virtual base::Result<std::vector<model::Organization>> list(std::optional<std::int64_t> before, std::uint32_t limit) = 0;
};

struct CredentialPosition {
    base::Instant createdAt;
    std::string id;
};

class Credentials {
public:
    virtual ~Credentials() = default;
    [[nodiscard]] virtual base::Result<model::Credential> find(const model::CredentialId& id) = 0;
    /// Newest first; `before` is the last one seen.
    [[nodiscard]] virtual base::Result<std::vector<model::Credential>> list(std::int64_t agentNum,
                                                                            std::optional<model::CredentialStatus> status,
                                                                            std::optional<CredentialPosition> before,
                                                                            std::uint32_t limit) = 0;
};

/// What hooks say of one request's changes, before they are decided. One thread at a time; may block for the hooks' time.
class Policy {
public:
    virtual ~Policy() = default;
    /// `operation`: create or update. Answers what is to be kept with the event, as one JSON object.
    [[nodiscard]] virtual model::Decided<std::string, model::Problem> agent(std::string_view operation, const model::Agent& agent) = 0;
    /// `operation`: create, rotate or revoke; `expiresAt` is when the secret would end. Answers the longest that it may live. A revoke is
    /// told and never refused.
    [[nodiscard]] virtual model::Decided<std::optional<base::seconds>, model::Problem> credential(
        std::string_view operation, const model::Agent& agent, std::optional<base::Instant> expiresAt) = 0;
};

/// HMAC-SHA-256 under the data keys that client secrets are kept with.
class Peppers {
public:
    virtual ~Peppers() = default;
    [[nodiscard]] virtual base::Result<crypto::Digest256> mac(std::string_view pepperId, base::BytesView secret) const = 0;
    [[nodiscard]] virtual std::string currentId() const = 0;
};

/// A secret as a row would hold it.
struct SecretMac {
    std::string pepperId;
    base::Bytes mac;
};

/// Client secrets that are kept outside storage (credentials.store = vault).
class VaultedSecrets {
public:
    virtual ~VaultedSecrets() = default;
    /// Whether new secrets go there; old ones may be there either way.
    [[nodiscard]] virtual bool keepsNew() const = 0;
    /// Of the secret at a credential's vaultPath. NotFound: it is gone. Unavailable: it cannot be said now.
    [[nodiscard]] virtual base::Result<SecretMac> macOf(const std::string& path) = 0;
};

}  // namespace agentidp::registry
