#pragma once
/// @file kernel/store/credentials.h
/// The credentials table. Writes are Op values for an audit::Effect; reads go through the storage plugin and may block.
#include <optional>
#include <vector>

#include "model/credential.h"
#include "plugin/storage.h"

namespace agentidp::store {

[[nodiscard]] plugin::Op insertCredential(const model::Credential& credential);
/// Writes every member but the identity, and the next version; Conflict unless the stored version is `expected`.
[[nodiscard]] plugin::Op updateCredential(const model::Credential& credential, std::int64_t expected);
/// Moves last_used_at forward without touching the version: nobody edits by it.
[[nodiscard]] plugin::Op touchCredential(const model::CredentialId& id, base::Instant usedAt);

/// For who reads more than credentials in one go: those of an agent that are active, newest first; and one of its rows.
[[nodiscard]] plugin::Op selectActiveCredentials(const model::AgentId& agent, std::uint32_t limit);
[[nodiscard]] base::Result<model::Credential> credentialOf(const plugin::Row& row);

/// Any thread.
class Credentials {
public:
    Credentials(plugin::Storage& storage, const base::Clock& clock) : storage_(storage), clock_(clock) {}
    [[nodiscard]] base::Result<model::Credential> find(const model::CredentialId& id) const;
    /// Newest first, at most `limit`; `before` is the (createdAt, id) of the last one seen.
    struct Position {
        base::Instant createdAt;
        std::string id;
    };
    [[nodiscard]] base::Result<std::vector<model::Credential>> list(std::int64_t agentNum, std::optional<std::string> status,
                                                                    std::optional<Position> before, std::uint32_t limit) const;
    /// Active ones of every agent that end before `until`, by (expires_at, id), for the expiry job.
    [[nodiscard]] base::Result<std::vector<model::Credential>> expiring(base::Instant until, std::optional<Position> after,
                                                                        std::uint32_t limit) const;

private:
    plugin::Storage& storage_;
    const base::Clock& clock_;
};

}  // namespace agentidp::store
