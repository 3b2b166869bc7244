#include "store/credentials.h"

#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::store {
namespace {

constexpr std::string_view kTable = "credentials";
const std::vector<std::string_view> kColumns{"id",          "client_id",    "agent_num",          "secret_mac",     "pepper_id",
                                             "secret_hash", "previous_mac", "previous_pepper_id", "previous_until", "status",
                                             "created_at",  "expires_at",   "revoked_at",         "last_used_at",   "row_version",
                                             "vault_path"};

std::vector<plugin::Assign> changeable(const model::Credential& credential) {
    const auto previousPepper =
        credential.previousMac ? std::optional<std::string>(credential.previousPepperId) : std::optional<std::string>();
    // What the secret store holds is in memory only, beside the path.
    const bool vaulted = !credential.vaultPath.empty();
    const bool inRow = !vaulted && !credential.secretMac.empty();
    const auto mac = inRow ? std::optional<base::Bytes>(credential.secretMac) : std::optional<base::Bytes>();
    const auto pepper = inRow ? std::optional<std::string>(credential.pepperId) : std::optional<std::string>();
    const auto hash = credential.importedHash.empty() ? std::optional<std::string>() : std::optional(credential.importedHash);
    return {{"secret_mac", orNull(mac)},
            {"pepper_id", orNull(pepper)},
            {"vault_path", orNull(vaulted ? std::optional<std::string>(credential.vaultPath) : std::optional<std::string>())},
            {"secret_hash", orNull(hash)},
            {"previous_mac", orNull(credential.previousMac)},
            {"previous_pepper_id", orNull(previousPepper)},
            {"previous_until", orNull(credential.previousUntil)},
            {"status", std::string(credential.status == model::CredentialStatus::Active ? "active" : "revoked")},
            {"expires_at", orNull(credential.expiresAt)},
            {"revoked_at", orNull(credential.revokedAt)}};
}

}  // namespace

plugin::Op insertCredential(const model::Credential& credential) {
    auto set = changeable(credential);
    set.push_back({"id", credential.id.str()});
    set.push_back({"client_id", credential.agentId.str()});
    set.push_back({"agent_num", credential.agentNum});
    set.push_back({"created_at", credential.createdAt});
    set.push_back({"row_version", credential.rowVersion});
    return plugin::insertInto(kTable, std::move(set));
}

plugin::Op updateCredential(const model::Credential& credential, std::int64_t expected) {
    auto set = changeable(credential);
    set.push_back({"row_version", expected + 1});
    return plugin::update(kTable, std::move(set),
                          {{"id", plugin::Compare::Eq, {credential.id.str()}}, {"row_version", plugin::Compare::Eq, {expected}}}, 1);
}

plugin::Op touchCredential(const model::CredentialId& id, base::Instant usedAt) {
    return plugin::update(kTable, {{"last_used_at", usedAt}}, {{"id", plugin::Compare::Eq, {id.str()}}});
}

plugin::Op selectActiveCredentials(const model::AgentId& agent, std::uint32_t limit) {
    return plugin::select(kTable, kColumns,
                          {{"client_id", plugin::Compare::Eq, {agent.str()}}, {"status", plugin::Compare::Eq, {std::string("active")}}},
                          limit, {{"created_at", true}, {"id", true}});
}

base::Result<model::Credential> credentialOf(const plugin::Row& row) {
    RowReader reader(row);
    model::Credential credential;
    credential.id = model::CredentialId(reader.text());
    credential.agentId = model::AgentId(reader.text());
    credential.agentNum = reader.integer();
    credential.secretMac = reader.bytesOrNull().value_or(base::Bytes{});
    credential.pepperId = reader.textOrEmpty();
    credential.importedHash = reader.textOrEmpty();
    credential.previousMac = reader.bytesOrNull();
    credential.previousPepperId = reader.textOrEmpty();
    credential.previousUntil = reader.timeOrNull();
    const auto status = reader.text();
    if (status != "active" && status != "revoked") reader.refuse();
    credential.status = status == "active" ? model::CredentialStatus::Active : model::CredentialStatus::Revoked;
    credential.createdAt = reader.time();
    credential.expiresAt = reader.timeOrNull();
    credential.revokedAt = reader.timeOrNull();
    credential.lastUsedAt = reader.timeOrNull();
    credential.rowVersion = reader.integer();
    credential.vaultPath = reader.textOrEmpty();
    if (auto verdict = reader.verdict(kTable); !verdict) return verdict.error();
    return credential;
}

base::Result<model::Credential> Credentials::find(const model::CredentialId& id) const {
    return readOne<model::Credential>(storage_, clock_, plugin::select(kTable, kColumns, {{"id", plugin::Compare::Eq, {id.str()}}}),
                                      credentialOf);
}

base::Result<std::vector<model::Credential>> Credentials::list(std::int64_t agentNum, std::optional<std::string> status,
                                                               std::optional<Position> before, std::uint32_t limit) const {
    std::vector<plugin::Where> where{{"agent_num", plugin::Compare::Eq, {agentNum}}};
    if (status) where.push_back({"status", plugin::Compare::Eq, {*status}});
    std::vector<plugin::Value> after;
    if (before) after = {before->createdAt, before->id};
    return readAll<model::Credential>(
        storage_, clock_, plugin::select(kTable, kColumns, std::move(where), limit, {{"created_at", true}, {"id", true}}, std::move(after)),
        credentialOf);
}

base::Result<std::vector<model::Credential>> Credentials::expiring(base::Instant until, std::optional<Position> after,
                                                                   std::uint32_t limit) const {
    std::vector<plugin::Value> seen;
    if (after) seen = {after->createdAt, after->id};
    return readAll<model::Credential>(
        storage_, clock_,
        plugin::select(kTable, kColumns,
                       {{"status", plugin::Compare::Eq, {std::string("active")}}, {"expires_at", plugin::Compare::Lt, {until}}}, limit,
                       {{"expires_at", false}, {"id", false}}, std::move(seen)),
        credentialOf);
}

}  // namespace agentidp::store
