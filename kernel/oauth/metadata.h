#pragma once
/// @file kernel/oauth/metadata.h
/// The authorization server metadata document (RFC 8414). Only what is true is listed.
#include <string>
#include <vector>

namespace agentidp::oauth {

struct MetadataInput {
    std::string issuer;
    std::vector<std::string> scopes;      ///< scopes_supported
    std::vector<std::string> grantTypes;  ///< from allGrantTypes()
    std::string serviceDocumentation;     ///< URL; empty: not listed
};
[[nodiscard]] std::string metadataDocument(const MetadataInput& input);

/// The scopes of this product, sorted; a deployment adds its own.
[[nodiscard]] const std::vector<std::string>& builtInScopes();

}  // namespace agentidp::oauth
