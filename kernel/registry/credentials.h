#pragma once
/// @file kernel/registry/credentials.h
/// The rules of /api/v1/agents/:id/credentials. A secret is 256 random bits, shown once, kept as a MAC
/// or in the secret store.
#include <string>

#include "base/json.h"
#include "base/secret.h"
#include "registry/page.h"
#include "registry/ports.h"
#include "registry/ruling.h"

namespace agentidp::registry {

inline constexpr std::string_view kSecretPrefix = "sk_live_";
inline constexpr base::seconds kMaxOverlap{7 * 24 * 3600};

/// `sk_live_` + 43 base64url characters of 32 random bytes.
[[nodiscard]] base::Secret makeClientSecret();

/// Any thread; blocks only where a port does. Answers with a clientSecret carry Cache-Control: no-store.
class CredentialRules {
public:
    struct Ports {
        Agents& agents;
        Credentials& credentials;
        const Peppers& peppers;
        const Cursors& cursors;
        VaultedSecrets* vault = nullptr;  ///< null: every secret is a MAC in its row
    };
    explicit CredentialRules(Ports ports) : ports_(ports) {}

    /// Body `{expiresAt?}`. At most ten active ones.
    [[nodiscard]] Ruling create(const Asker& asker, std::string_view agentId, const base::json::Value& body) const;
    /// `?status=active|revoked`. An agent may list its own.
    [[nodiscard]] Ruling list(const Asker& asker, std::string_view agentId, const Query& query) const;
    /// Body `{expiresAt?, overlapSeconds?}`; without overlap the old secret ends at once. An agent may rotate its own.
    [[nodiscard]] Ruling rotate(const Asker& asker, std::string_view agentId, std::string_view credentialId,
                                const base::json::Value& body) const;
    /// Revoking the last live one ends the agent's tokens. A repeat is 204 and changes nothing.
    [[nodiscard]] Ruling revoke(const Asker& asker, std::string_view agentId, std::string_view credentialId) const;

private:
    [[nodiscard]] base::Result<base::Secret> renewSecret(model::Credential& credential, SecretChanges& secrets) const;
    Ports ports_;
};

}  // namespace agentidp::registry
