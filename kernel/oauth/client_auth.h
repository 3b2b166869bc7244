#pragma once
/// @file kernel/oauth/client_auth.h
/// Who is calling an OAuth endpoint (RFC 6749 section 2.3): client_secret_basic or client_secret_post, or invalid_client.
/// An unknown client, a wrong secret and a suspended agent are told apart by `reason` in the log only, never by the answer.
#include <string>

#include "base/secret.h"
#include "model/mutation.h"
#include "oauth/form.h"
#include "oauth/ports.h"

namespace agentidp::oauth {

enum class AuthMethod { None, Basic, Post };

/// What the caller claims to be. Move only, because of the secret.
struct PresentedClient {
    AuthMethod method = AuthMethod::None;
    std::string clientId;
    base::Secret secret;
};

/// Reads the claim. Two methods at once are invalid_request; an unreadable one is invalid_client.
[[nodiscard]] OauthResult<PresentedClient> presentedClient(const RawRequest& request, const Form& form);

struct AuthenticatedClient {
    ClientPtr client;
    model::CredentialId credentialId;
    AuthMethod method = AuthMethod::None;
    /// lastUsedAt is older than a minute: worth a store::touchCredential.
    bool touch = false;
    /// Not empty: an imported secret was used for the first time, and its bcrypt hash gives way to a MAC. Whether that is written or was
    /// written by another request meanwhile (Conflict) changes nothing for this caller.
    model::Mutation rehash;
};

/// Any thread. Compares against every live credential, in time that does not depend on which one matches or whether any does.
class ClientAuthenticator {
public:
    /// Without `imported` no imported secret matches. A client that has one makes authenticate() block.
    ClientAuthenticator(Clients& clients, const Peppers& peppers, const SlowHashes* imported = nullptr)
        : clients_(clients), peppers_(peppers), imported_(imported) {}
    [[nodiscard]] OauthResult<AuthenticatedClient> authenticate(const PresentedClient& presented, base::Instant now) const;

private:
    Clients& clients_;
    const Peppers& peppers_;
    const SlowHashes* imported_;
};

}  // namespace agentidp::oauth
