#include "registry/credentials.h"

#include <algorithm>
#include <array>

#include "base/ids.h"
#include "base/text.h"
#include "registry/access.h"
#include "registry/fields.h"
#include "registry/render.h"

namespace agentidp::registry {
namespace {

constexpr std::string_view kRead = "agents:read";
constexpr std::string_view kWrite = "agents:write";
constexpr std::uint32_t kMaxStoredCredentials = 100;

bool live(const model::Credential& credential, base::Instant now) {
    return credential.status == model::CredentialStatus::Active && (!credential.expiresAt || *credential.expiresAt > now);
}

/// Its secret leaves the secret store with the path.
model::UpdateCredential revoked(model::Credential credential, base::Instant at, SecretChanges& secrets) {
    if (!credential.vaultPath.empty()) secrets.forget.push_back(std::move(credential.vaultPath));
    credential.vaultPath.clear();
    credential.status = model::CredentialStatus::Revoked;
    credential.revokedAt = at;
    credential.previousMac.reset();
    credential.previousPepperId.clear();
    credential.previousUntil.reset();
    const auto expected = credential.rowVersion++;
    return {std::move(credential), expected};
}

model::AuditEvent eventAbout(const model::Agent& agent, const model::Credential& credential, const Asker& asker, model::Action action) {
    auto event = model::beginEvent(action, model::Outcome::Success, asker.origin, asker.caller.actor());
    model::setSubject(event, agent);
    const auto expires = credential.expiresAt ? base::rfc3339(*credential.expiresAt) : std::string();
    event.metadataJson = metadata({{"credentialId", credential.id.str()}, {"expiresAt", expires}});
    return event;
}

std::optional<base::Instant> futureTime(Fields& fields, const Asker& asker) {
    const auto at = fields.time("expiresAt");
    if (at && *at <= asker.origin.at) fields.faultAt("expiresAt", "must lie in the future");
    return at;
}

/// The credential, if it is one of this agent.
model::Decided<model::Credential, Ruling> ofAgent(Credentials& credentials, const Asker& asker, const model::Agent& agent,
                                                  std::string_view id) {
    if (!base::isUuid(id)) return notFound(asker, "credential", id, false);
    auto credential = credentials.find(model::CredentialId(id));
    if (!credential && credential.error().code != base::Errc::NotFound) return refuse(model::problemOf(credential.error()));
    if (!credential || credential->agentNum != agent.num) return notFound(asker, "credential", id, false);
    return *std::move(credential);
}

/// When the secret ends, after the hooks were asked.
model::Decided<std::optional<base::Instant>, Ruling> endOf(const Asker& asker, std::string_view operation, const model::Agent& agent,
                                                           std::optional<base::Instant> wanted) {
    if (asker.policy == nullptr) return wanted;
    const auto longest = asker.policy->credential(operation, agent, wanted);
    if (!longest) return refuse(longest.refusal());
    if (!*longest) return wanted;
    const auto latest = asker.origin.at + **longest;
    return std::optional<base::Instant>(wanted ? std::min(*wanted, latest) : latest);
}

Ruling conflict(std::string detail) { return refuse(model::problem(model::ProblemCode::Conflict, std::move(detail))); }

}  // namespace

base::Secret makeClientSecret() {
    base::Bytes random(32);
    base::fillRandom(random);
    const base::Secret raw(std::move(random));
    std::string text(kSecretPrefix);
    text.reserve(kSecretPrefix.size() + 43);
    base::appendBase64url(text, raw.view());
    return base::Secret::fromText(std::move(text));
}

/// Puts a new secret into `credential` and answers it. A secret store gets each secret at a path of its own: which one counts is said by
/// the row, so that a change that is not committed changes nothing.
base::Result<base::Secret> CredentialRules::renewSecret(model::Credential& credential, SecretChanges& secrets) const {
    auto secret = makeClientSecret();
    if (!credential.vaultPath.empty()) secrets.forget.push_back(std::move(credential.vaultPath));
    credential.vaultPath.clear();
    credential.secretMac.clear();
    credential.pepperId.clear();
    if (ports_.vault != nullptr && ports_.vault->keepsNew()) {
        credential.vaultPath = "agentidp/credentials/" + credential.agentId.str() + "/" + credential.id.str() + "/" + base::uuidV4();
        secrets.keep.push_back({credential.vaultPath, base::Secret::fromText(std::string(secret.text()))});
        return secret;
    }
    const auto pepperId = ports_.peppers.currentId();
    const auto mac = ports_.peppers.mac(pepperId, secret.view());
    if (!mac) return mac.error();
    credential.secretMac.assign(mac->begin(), mac->end());
    credential.pepperId = pepperId;
    return secret;
}

Ruling CredentialRules::create(const Asker& asker, std::string_view agentId, const base::json::Value& body) const {
    if (auto refused = needScope(asker, kWrite)) return *std::move(refused);
    auto agent = visibleAgent(ports_.agents, asker, agentId);
    if (!agent) return std::move(agent).refusal();
    Fields fields(body);
    const auto expiresAt = futureTime(fields, asker);
    if (auto errors = fields.finish(); !errors.empty()) return refuse(model::invalid(std::move(errors)));
    if (auto refused = needReach(asker, agent->scopes)) return *std::move(refused);
    if (agent->status == model::AgentStatus::Decommissioned) return conflict("the agent is decommissioned, which is final");
    auto active = ports_.credentials.list(agent->num, model::CredentialStatus::Active, std::nullopt, kMaxStoredCredentials);
    if (!active) return refuse(model::problemOf(active.error()));

    model::Mutation mutation;
    SecretChanges secrets;
    mutation.changes.emplace_back(model::ExpectAgent{agent->num, agent->rowVersion});
    mutation.changes.emplace_back(model::ExpectActiveCredentials{agent->num, static_cast<std::int64_t>(active->size())});
    auto count = active->size();
    // Expired ones give way, oldest first, before a new one is refused.
    for (auto credential = active->rbegin(); credential != active->rend() && count >= model::kMaxActiveCredentials; ++credential) {
        if (live(*credential, asker.origin.at)) continue;
        mutation.events.push_back(eventAbout(*agent, *credential, asker, model::Action::CredentialRevoked));
        mutation.changes.emplace_back(revoked(std::move(*credential), asker.origin.at, secrets));
        --count;
    }
    if (count >= model::kMaxActiveCredentials)
        return conflict("the agent has " + std::to_string(model::kMaxActiveCredentials) + " active credentials; revoke one first");

    model::Credential credential;
    credential.id = model::CredentialId(base::uuidV4());
    credential.agentId = agent->id;
    credential.agentNum = agent->num;
    credential.createdAt = asker.origin.at;
    auto end = endOf(asker, "create", *agent, expiresAt);
    if (!end) return std::move(end).refusal();
    credential.expiresAt = *end;
    const auto secret = renewSecret(credential, secrets);
    if (!secret) return refuse(model::problemOf(secret.error()));
    auto ruling = answered(201, credentialJson(credential, secret->text()));
    ruling.secrets = std::move(secrets);
    std::get<model::Answer>(ruling.outcome)
        .headers.emplace_back("Location", "/api/v1/agents/" + agent->id.str() + "/credentials/" + credential.id.str());
    mutation.events.push_back(eventAbout(*agent, credential, asker, model::Action::CredentialGenerated));
    mutation.changes.emplace_back(model::InsertCredential{std::move(credential)});
    ruling.mutation = std::move(mutation);
    return ruling;
}

Ruling CredentialRules::list(const Asker& asker, std::string_view agentId, const Query& query) const {
    if (asker.caller.agentId.str() != agentId)
        if (auto refused = needScope(asker, kRead)) return *std::move(refused);
    auto agent = visibleAgent(ports_.agents, asker, agentId);
    if (!agent) return std::move(agent).refusal();
    const auto scope = "credentials/" + agent->id.str();
    auto page = parsePage(query, {"status"}, ports_.cursors, scope);
    if (!page) return refuse(std::move(page).refusal());
    std::optional<model::CredentialStatus> status;
    if (const auto& word = page->filters[0]) {
        status = credentialStatusNamed(*word);
        if (!status) return refuse(model::invalid({{"?status", "must be active or revoked"}}));
    }
    std::optional<CredentialPosition> before;
    if (page->after) before = CredentialPosition{base::fromMicros(page->after->number), page->after->id};
    auto credentials = ports_.credentials.list(agent->num, status, before, page->limit + 1);
    if (!credentials) return refuse(model::problemOf(credentials.error()));
    std::optional<std::string> cursor;
    if (credentials->size() > page->limit) {
        credentials->resize(page->limit);
        const auto& last = credentials->back();
        cursor = ports_.cursors.encode({base::microsOf(last.createdAt), last.id.str()}, filterKey(scope, *page));
    }
    std::vector<std::string> items;
    items.reserve(credentials->size());
    for (const auto& credential : *credentials) items.push_back(credentialJson(credential));
    return answered(200, pageBody(items, cursor));
}

Ruling CredentialRules::rotate(const Asker& asker, std::string_view agentId, std::string_view credentialId,
                               const base::json::Value& body) const {
    if (asker.caller.agentId.str() != agentId)
        if (auto refused = needScope(asker, kWrite)) return *std::move(refused);
    auto agent = visibleAgent(ports_.agents, asker, agentId);
    if (!agent) return std::move(agent).refusal();
    auto found = ofAgent(ports_.credentials, asker, *agent, credentialId);
    if (!found) return std::move(found).refusal();
    auto credential = *std::move(found);
    const auto now = asker.origin.at;
    Fields fields(body);
    const auto expiresAt = futureTime(fields, asker);
    const auto overlap = fields.integer("overlapSeconds", 0, kMaxOverlap.count()).value_or(0);
    if (auto errors = fields.finish(); !errors.empty()) return refuse(model::invalid(std::move(errors)));
    // Also for its own: a token with less than all the agent's scopes must not buy a secret that is worth all of them.
    if (auto refused = needReach(asker, agent->scopes)) return *std::move(refused);
    if (!ifMatchHolds(asker.ifMatch, credential.rowVersion))
        return refuse(model::problem(model::ProblemCode::PreconditionFailed, "the credential has changed since it was read"));
    if (agent->status == model::AgentStatus::Decommissioned) return conflict("the agent is decommissioned, which is final");
    if (!live(credential, now)) return conflict("the credential is revoked or expired");

    credential.previousMac.reset();
    credential.previousPepperId.clear();
    credential.previousUntil.reset();
    if (overlap == 0) credential.importedHash.clear();
    if (overlap > 0) {
        // What is promised for a while only is a MAC, wherever it was: its place in the secret store is given up.
        if (!credential.vaultPath.empty()) {
            if (ports_.vault == nullptr)
                return refuse(
                    model::problem(model::ProblemCode::Unavailable, "the old secret is in a secret store that is not configured"));
            auto old = ports_.vault->macOf(credential.vaultPath);
            if (!old) return refuse(model::problemOf(old.error()));
            credential.secretMac = std::move(old->mac);
            credential.pepperId = std::move(old->pepperId);
        }
        // A secret that came with an import and was not used since has no MAC yet: its hash goes on as the previous secret.
        if (!credential.secretMac.empty()) {
            credential.previousMac = std::move(credential.secretMac);
            credential.previousPepperId = std::move(credential.pepperId);
            credential.importedHash.clear();
        }
        credential.previousUntil = now + base::seconds(overlap);
        // The old secret never outlives what it was promised.
        if (credential.expiresAt) credential.previousUntil = std::min(*credential.previousUntil, *credential.expiresAt);
    }
    auto end = endOf(asker, "rotate", *agent, expiresAt ? expiresAt : credential.expiresAt);
    if (!end) return std::move(end).refusal();
    SecretChanges secrets;
    const auto secret = renewSecret(credential, secrets);
    if (!secret) return refuse(model::problemOf(secret.error()));
    credential.expiresAt = *end;
    const auto expected = credential.rowVersion++;
    auto ruling = answered(200, credentialJson(credential, secret->text()));
    ruling.secrets = std::move(secrets);
    auto event = eventAbout(*agent, credential, asker, model::Action::CredentialRotated);
    const auto until = credential.previousUntil ? base::rfc3339(*credential.previousUntil) : std::string();
    event.metadataJson = metadata({{"credentialId", credential.id.str()}, {"previousUntil", until}});
    ruling.mutation.events.push_back(std::move(event));
    ruling.mutation.changes.emplace_back(model::ExpectAgent{agent->num, agent->rowVersion});
    ruling.mutation.changes.emplace_back(model::UpdateCredential{std::move(credential), expected});
    return ruling;
}

Ruling CredentialRules::revoke(const Asker& asker, std::string_view agentId, std::string_view credentialId) const {
    if (auto refused = needScope(asker, kWrite)) return *std::move(refused);
    auto agent = visibleAgent(ports_.agents, asker, agentId);
    if (!agent) return std::move(agent).refusal();
    auto credential = ofAgent(ports_.credentials, asker, *agent, credentialId);
    if (!credential) return std::move(credential).refusal();
    if (auto refused = needReach(asker, agent->scopes)) return *std::move(refused);
    if (!ifMatchHolds(asker.ifMatch, credential->rowVersion))
        return refuse(model::problem(model::ProblemCode::PreconditionFailed, "the credential has changed since it was read"));
    auto ruling = answered(204, {});
    if (credential->status == model::CredentialStatus::Revoked) return ruling;
    const auto now = asker.origin.at;
    const auto active = ports_.credentials.list(agent->num, model::CredentialStatus::Active, std::nullopt, kMaxStoredCredentials);
    if (!active) return refuse(model::problemOf(active.error()));
    const bool last = std::none_of(active->begin(), active->end(),
                                   [&](const model::Credential& other) { return other.id != credential->id && live(other, now); });

    if (asker.policy != nullptr) (void)asker.policy->credential("revoke", *agent, credential->expiresAt);
    auto& mutation = ruling.mutation;
    auto event = eventAbout(*agent, *credential, asker, model::Action::CredentialRevoked);
    event.metadataJson = metadata({{"credentialId", credential->id.str()}, {"tokensEnded", last ? "true" : ""}});
    mutation.events.push_back(std::move(event));
    mutation.changes.emplace_back(model::ExpectActiveCredentials{agent->num, static_cast<std::int64_t>(active->size())});
    mutation.changes.emplace_back(revoked(*std::move(credential), now, ruling.secrets));
    if (last) {
        endTokens(*agent, now);
        const auto expected = agent->rowVersion++;
        mutation.changes.emplace_back(model::UpdateAgent{*std::move(agent), expected});
    }
    return ruling;
}

}  // namespace agentidp::registry
