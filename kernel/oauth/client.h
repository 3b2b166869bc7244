#pragma once
/// @file kernel/oauth/client.h
/// An agent in its role as OAuth client: one immutable value with all that authentication, grants and liveness ask for.
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "model/agent.h"
#include "model/caller.h"
#include "model/credential.h"
#include "model/organization.h"

namespace agentidp::oauth {

/// What the token path asks of an organization.
struct Tenant {
    std::int64_t num = 0;
    model::OrganizationId id;
    model::OrganizationStatus status = model::OrganizationStatus::Active;
    /// From the organization's limits; absent: the setting counts.
    std::optional<std::int64_t> requestsPerMinute;
    std::optional<std::int64_t> tokensPerMonth;
};
/// Reads the limits once; members it does not understand do not limit.
[[nodiscard]] Tenant tenantOf(const model::Organization& organization);

/// Of one cached client: when the use of its credentials was noted last. Any thread.
class UseMark {
public:
    UseMark() = default;
    /// A copy has noted nothing.
    UseMark(const UseMark& /*other*/) {}
    UseMark& operator=(const UseMark& /*other*/) { return *this; }
    ~UseMark() = default;
    /// Whether a use of the credential at place `which` (below 16) is worth noting at `at`: once a minute, and where another credential was
    /// used in between. True to one of those who ask at once.
    [[nodiscard]] bool isFirst(std::size_t which, base::Instant at) const;

private:
    mutable std::atomic<std::int64_t> last_{0};
};

struct Client {
    model::Agent agent;
    Tenant organization;
    std::vector<model::Credential> credentials;  ///< of status Active, each with its MAC; expired ones may be among them
    /// Some of its secrets are in a secret store that cannot be asked now: what matches none of `credentials` may still be right.
    bool secretsMissing = false;
    UseMark uses;

    /// Agent and organization are both active.
    [[nodiscard]] bool active() const;
    /// UseMark::isFirst of a credential of its own.
    [[nodiscard]] bool isFirstUse(const model::CredentialId& credential, base::Instant at) const;
    /// Whether a token of this agent with that `iat` has been ended by its not-before mark: the whole second of the mark is
    /// dead, the next one lives.
    [[nodiscard]] bool supersedes(std::int64_t issuedAtSeconds) const;
};
using ClientPtr = std::shared_ptr<const Client>;

[[nodiscard]] ClientPtr makeClient(model::Agent agent, Tenant organization, std::vector<model::Credential> credentials,
                                   bool secretsMissing = false);
/// What an authenticated client may do on endpoints that take its secret: everything it could ask a token for.
[[nodiscard]] model::Caller callerOf(const Client& client);

}  // namespace agentidp::oauth
