#include "oauth/client_auth.h"

#include <algorithm>
#include <array>

#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"

namespace agentidp::oauth {
namespace {

constexpr std::size_t kMaxAuthorizationLength = 4096;
constexpr std::size_t kMaxClientIdLength = 128;
constexpr std::size_t kMaxSecretLength = 512;
constexpr base::seconds kTouchAfter{60};

OauthError refuse(AuthMethod method, std::string reason, std::string claimedClient = {}) {
    auto error = oauthError(OauthCode::InvalidClient, {}, std::move(reason));
    // "If the client attempted to authenticate via the "Authorization" request header field, the authorization server MUST
    // respond with [...] the "WWW-Authenticate" response header field matching the authentication scheme" (RFC 6749 5.2).
    if (method != AuthMethod::Post) error.challenge = Challenge::Basic;
    error.claimedClient = std::move(claimedClient);
    return error;
}

/// "The client identifier is encoded using the "application/x-www-form-urlencoded" encoding algorithm [...] and the encoded
/// value is used as the username; the client password is encoded using the same algorithm" (RFC 6749 2.3.1).
OauthResult<PresentedClient> fromBasic(std::string_view authorization) {
    if (authorization.size() > kMaxAuthorizationLength) return refuse(AuthMethod::Basic, "malformed");
    const auto space = authorization.find(' ');
    if (space == std::string_view::npos || !base::equalIgnoreCase(authorization.substr(0, space), "Basic"))
        return refuse(AuthMethod::Basic, "unknown_scheme");
    auto decoded = base::unbase64(base::trim(authorization.substr(space + 1)));
    if (!decoded) return refuse(AuthMethod::Basic, "malformed");
    const base::Secret pair(std::move(*decoded));
    const auto text = pair.text();
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos) return refuse(AuthMethod::Basic, "malformed");
    auto id = base::formDecode(text.substr(0, colon));
    auto secret = base::formDecode(text.substr(colon + 1));
    if (!id || !secret || id->empty() || id->size() > kMaxClientIdLength) return refuse(AuthMethod::Basic, "malformed");
    return PresentedClient{AuthMethod::Basic, std::move(*id), base::Secret::fromText(std::move(*secret))};
}

/// Works out one MAC a pepper, however many credentials share it.
class Macs {
public:
    Macs(const Peppers& peppers, base::BytesView secret) : peppers_(peppers), secret_(secret) {}

    base::Result<crypto::Digest256> under(const std::string& pepperId) {
        for (const auto& [id, mac] : known_)
            if (id == pepperId) return mac;
        auto mac = peppers_.mac(pepperId, secret_);
        if (mac) known_.emplace_back(pepperId, *mac);
        return mac;
    }

private:
    const Peppers& peppers_;
    base::BytesView secret_;
    std::vector<std::pair<std::string, crypto::Digest256>> known_;
};

bool live(const model::Credential& credential, base::Instant now) {
    return credential.status == model::CredentialStatus::Active && (!credential.expiresAt || *credential.expiresAt > now);
}

/// Every live credential is looked at, whichever matches.
base::Result<const model::Credential*> matching(const Client& client, Macs& macs, base::Instant now) {
    const model::Credential* match = nullptr;
    const auto compare = [&](const model::Credential& credential, const std::string& pepperId,
                             const base::Bytes& stored) -> base::Result<void> {
        auto mac = macs.under(pepperId);
        // A pepper that is not here yet (made by another replica a moment ago) says nothing about the secret.
        if (!mac) return base::fail(base::Errc::Unavailable, {}, "pepper " + pepperId + " is not held: " + mac.error().detail);
        if (base::equalConstantTime(*mac, stored)) match = &credential;
        return {};
    };
    for (const auto& credential : client.credentials) {
        if (!live(credential, now)) continue;
        if (!credential.secretMac.empty())
            if (auto done = compare(credential, credential.pepperId, credential.secretMac); !done) return std::move(done).error();
        if (!credential.previousMac || !credential.previousUntil || *credential.previousUntil <= now) continue;
        if (auto done = compare(credential, credential.previousPepperId, *credential.previousMac); !done) return std::move(done).error();
    }
    return match;
}

/// Asked only where no MAC matched: the hashes of secrets that came with an import and were not used since.
base::Result<const model::Credential*> matchingImported(const Client& client, const SlowHashes& hashes, base::BytesView secret,
                                                        base::Instant now) {
    for (const auto& credential : client.credentials) {
        const bool counts = credential.secretMac.empty() || (credential.previousUntil && *credential.previousUntil > now);
        if (credential.importedHash.empty() || !counts || !live(credential, now)) continue;
        auto same = hashes.matches(credential.importedHash, secret);
        // A hash that nobody can work out matches nothing, and keeps no other credential from being looked at.
        if (!same && same.error().code != base::Errc::Invalid) return std::move(same).error();
        if (same && *same) return &credential;
    }
    return static_cast<const model::Credential*>(nullptr);
}

/// The credential with a MAC where its hash was.
base::Result<model::Mutation> rehashed(const Client& client, const model::Credential& used, const Peppers& peppers, Macs& macs,
                                       base::Instant now) {
    const auto pepper = peppers.currentId();
    const auto mac = macs.under(pepper);
    if (!mac) return mac.error();
    auto credential = used;
    credential.importedHash.clear();
    if (credential.secretMac.empty()) {
        credential.secretMac.assign(mac->begin(), mac->end());
        credential.pepperId = pepper;
    } else {
        credential.previousMac = base::Bytes(mac->begin(), mac->end());
        credential.previousPepperId = pepper;
    }
    const auto expected = credential.rowVersion++;
    model::AuditEvent event;
    event.timestamp = now;
    event.eventId = model::EventId(base::uuidV7(now));
    event.action = model::Action::CredentialRehashed;
    event.actor = client.agent.id.str();
    model::setSubject(event, client.agent);
    event.metadataJson.clear();
    base::json::Writer(event.metadataJson).beginObject().key("credentialId").text(credential.id.str()).endObject();
    model::Mutation mutation;
    mutation.changes.emplace_back(model::UpdateCredential{std::move(credential), expected});
    mutation.events.push_back(std::move(event));
    return mutation;
}

}  // namespace

OauthResult<PresentedClient> presentedClient(const RawRequest& request, const Form& form) {
    const auto* id = form.find("client_id");
    const auto* secret = form.find("client_secret");
    const bool asserted = form.has("client_assertion") || form.has("client_assertion_type");
    const int methods = (request.authorization ? 1 : 0) + (secret != nullptr ? 1 : 0) + (asserted ? 1 : 0);
    if (methods > 1) return oauthError(OauthCode::InvalidRequest, "a client must authenticate in one way only", "two_methods");
    if (asserted) return refuse(AuthMethod::Post, "unsupported_method", id != nullptr ? *id : std::string());
    if (request.authorization) {
        auto presented = fromBasic(*request.authorization);
        if (presented && id != nullptr && *id != presented->clientId)
            return oauthError(OauthCode::InvalidRequest, "client_id differs from the client that authenticates", "two_clients");
        return presented;
    }
    if (secret == nullptr) return refuse(AuthMethod::None, "no_credentials", id != nullptr ? *id : std::string());
    if (id == nullptr) return oauthError(OauthCode::InvalidRequest, "client_secret without client_id", "malformed");
    if (id->size() > kMaxClientIdLength) return refuse(AuthMethod::Post, "malformed");
    return PresentedClient{AuthMethod::Post, *id, base::Secret(base::Bytes(secret->begin(), secret->end()))};
}

OauthResult<AuthenticatedClient> ClientAuthenticator::authenticate(const PresentedClient& presented, base::Instant now) const {
    const auto secret = presented.secret.view();
    Macs macs(peppers_, secret.first(std::min(secret.size(), kMaxSecretLength)));
    // Paid by everyone, so that an unknown client costs what a known one does.
    if (auto paid = macs.under(peppers_.currentId()); !paid) return oauthErrorOf(paid.error());

    base::Result<ClientPtr> found = base::fail(base::Errc::NotFound, "");
    if (base::isUuid(presented.clientId)) found = clients_.find(model::AgentId(presented.clientId));
    if (!found && found.error().code != base::Errc::NotFound) return oauthErrorOf(found.error());
    if (!found) return refuse(presented.method, "unknown_client", presented.clientId);
    const ClientPtr client = *std::move(found);

    auto match = matching(*client, macs, now);
    if (!match) return oauthErrorOf(match.error());
    const bool usable = !secret.empty() && secret.size() <= kMaxSecretLength;
    const bool imported = *match == nullptr && imported_ != nullptr && usable;
    if (imported) match = matchingImported(*client, *imported_, secret, now);
    if (!match) return oauthErrorOf(match.error());
    if (*match == nullptr && client->secretsMissing)
        return oauthErrorOf(base::fail(base::Errc::Unavailable, {}, "a secret of the client is in a secret store that does not answer"));
    const auto refuseKnown = [&](std::string reason) {
        auto error = refuse(presented.method, std::move(reason), presented.clientId);
        error.client = client;
        return error;
    };
    if (*match == nullptr || !usable) return refuseKnown("wrong_secret");
    if (client->agent.status != model::AgentStatus::Active) return refuseKnown("agent_inactive");
    if (!client->active()) return refuseKnown("organization_suspended");
    const auto& credential = **match;
    AuthenticatedClient known{
        client, credential.id, presented.method, !credential.lastUsedAt || now - *credential.lastUsedAt >= kTouchAfter, {}};
    if (imported) {
        auto rehash = rehashed(*client, credential, peppers_, macs, now);
        if (!rehash) return oauthErrorOf(rehash.error());
        known.rehash = std::move(*rehash);
    }
    return known;
}

}  // namespace agentidp::oauth
