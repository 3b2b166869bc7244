#pragma once
/// @file kernel/registry/render.h
/// Registry objects as the JSON clients see. Times are RFC 3339 UTC; what is absent is null.
#include <optional>
#include <string>
#include <string_view>

#include "model/agent.h"
#include "model/credential.h"
#include "model/organization.h"

namespace agentidp::registry {

[[nodiscard]] std::string_view wordOf(model::AgentStatus status);
[[nodiscard]] std::string_view wordOf(model::DeploymentEnv env);
[[nodiscard]] std::string_view wordOf(model::CredentialStatus status);
[[nodiscard]] std::string_view wordOf(model::OrganizationStatus status);
[[nodiscard]] std::optional<model::AgentStatus> agentStatusNamed(std::string_view word);
[[nodiscard]] std::optional<model::DeploymentEnv> deploymentEnvNamed(std::string_view word);
[[nodiscard]] std::optional<model::CredentialStatus> credentialStatusNamed(std::string_view word);

[[nodiscard]] std::string agentJson(const model::Agent& agent);
/// `clientSecret` only where one was just made: it is never shown again.
[[nodiscard]] std::string credentialJson(const model::Credential& credential, std::optional<std::string_view> clientSecret = std::nullopt);
[[nodiscard]] std::string organizationJson(const model::Organization& organization);

}  // namespace agentidp::registry
