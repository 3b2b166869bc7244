#include "registry/render.h"

#include "base/json.h"
#include "base/text.h"

namespace agentidp::registry {
namespace {

using base::json::Writer;

template <class Enum>
std::optional<Enum> named(std::string_view word, std::initializer_list<Enum> all) {
    for (const auto value : all)
        if (wordOf(value) == word) return value;
    return std::nullopt;
}

void texts(Writer& writer, std::string_view name, const std::vector<std::string>& values) {
    writer.key(name).beginArray();
    for (const auto& value : values) writer.text(value);
    writer.endArray();
}

void time(Writer& writer, std::string_view name, const std::optional<base::Instant>& at) {
    writer.key(name);
    if (at)
        writer.text(base::rfc3339(*at));
    else
        writer.null();
}

}  // namespace

std::string_view wordOf(model::AgentStatus status) {
    switch (status) {
        case model::AgentStatus::Active: return "active";
        case model::AgentStatus::Suspended: return "suspended";
        case model::AgentStatus::Decommissioned: break;
    }
    return "decommissioned";
}

std::string_view wordOf(model::DeploymentEnv env) {
    switch (env) {
        case model::DeploymentEnv::Development: return "development";
        case model::DeploymentEnv::Staging: return "staging";
        case model::DeploymentEnv::Production: break;
    }
    return "production";
}

std::string_view wordOf(model::CredentialStatus status) { return status == model::CredentialStatus::Active ? "active" : "revoked"; }

std::string_view wordOf(model::OrganizationStatus status) { return status == model::OrganizationStatus::Active ? "active" : "suspended"; }

std::optional<model::AgentStatus> agentStatusNamed(std::string_view word) {
    return named(word, {model::AgentStatus::Active, model::AgentStatus::Suspended, model::AgentStatus::Decommissioned});
}

std::optional<model::DeploymentEnv> deploymentEnvNamed(std::string_view word) {
    return named(word, {model::DeploymentEnv::Development, model::DeploymentEnv::Staging, model::DeploymentEnv::Production});
}

std::optional<model::CredentialStatus> credentialStatusNamed(std::string_view word) {
    return named(word, {model::CredentialStatus::Active, model::CredentialStatus::Revoked});
}

std::string agentJson(const model::Agent& agent) {
    std::string out;
    out.reserve(768);
    Writer writer(out);
    writer.beginObject().key("agentId").text(agent.id.str()).key("organizationId").text(agent.organizationId.str());
    writer.key("email").text(agent.email).key("agentType").text(agent.agentType).key("version").text(agent.version);
    texts(writer, "capabilities", agent.capabilities);
    writer.key("owner").text(agent.owner).key("deploymentEnv").text(wordOf(agent.deploymentEnv));
    texts(writer, "scopes", agent.scopes);
    writer.key("claims").raw(agent.claimsJson).key("status").text(wordOf(agent.status));
    writer.key("labels").beginObject();
    for (const auto& [name, value] : agent.labels) writer.key(name).text(value);
    writer.endObject();
    time(writer, "createdAt", agent.createdAt);
    time(writer, "updatedAt", agent.updatedAt);
    writer.endObject();
    return out;
}

std::string credentialJson(const model::Credential& credential, std::optional<std::string_view> clientSecret) {
    std::string out;
    out.reserve(512);
    Writer writer(out);
    writer.beginObject().key("credentialId").text(credential.id.str()).key("clientId").text(credential.agentId.str());
    if (clientSecret) writer.key("clientSecret").text(*clientSecret);
    writer.key("status").text(wordOf(credential.status));
    time(writer, "createdAt", credential.createdAt);
    time(writer, "expiresAt", credential.expiresAt);
    time(writer, "revokedAt", credential.revokedAt);
    time(writer, "lastUsedAt", credential.lastUsedAt);
    writer.endObject();
    return out;
}

std::string organizationJson(const model::Organization& organization) {
    std::string out;
    Writer writer(out);
    writer.beginObject().key("organizationId").text(organization.id.str()).key("name").text(organization.name);
    writer.key("slug").text(organization.slug).key("plan").text(organization.plan).key("limits").raw(organization.limitsJson);
    writer.key("status").text(wordOf(organization.status)).endObject();
    return out;
}

}  // namespace agentidp::registry
