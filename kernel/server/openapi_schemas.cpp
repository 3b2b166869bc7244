#include "server/routes.h"

namespace agentidp::server {

std::string_view openapiSchemas() {
    return R"({
"TokenRequest":{"type":"object","required":["grant_type"],"properties":{
  "grant_type":{"type":"string","const":"client_credentials"},"scope":{"type":"string"},"client_id":{"type":"string","format":"uuid"},"client_secret":{"type":"string"}}},
"TokenForm":{"type":"object","required":["token"],"properties":{
  "token":{"type":"string","maxLength":16384},"token_type_hint":{"type":"string"},"client_id":{"type":"string"},"client_secret":{"type":"string"}}},
"TokenResponse":{"type":"object","required":["access_token","token_type","expires_in","scope"],"properties":{
  "access_token":{"type":"string"},"token_type":{"const":"Bearer"},"expires_in":{"type":"integer"},"scope":{"type":"string"}}},
"Introspection":{"type":"object","required":["active"],"properties":{
  "active":{"type":"boolean"},"scope":{"type":"string"},"client_id":{"type":"string"},"sub":{"type":"string"},"aud":{},"iss":{"type":"string"},
  "token_type":{"type":"string"},"exp":{"type":"integer"},"iat":{"type":"integer"},"nbf":{"type":"integer"},"jti":{"type":"string"},"organization_id":{"type":"string"}}},
"OauthError":{"type":"object","required":["error"],"properties":{"error":{"type":"string"},"error_description":{"type":"string"}}},
"Problem":{"type":"object","required":["type","title","status","code"],"properties":{
  "type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"instance":{"type":"string"},"code":{"type":"string"},
  "requestId":{"type":"string"},"errors":{"type":"array","items":{"type":"object","properties":{"pointer":{"type":"string"},"detail":{"type":"string"}}}}}},
"AgentCreate":{"type":"object","additionalProperties":false,"required":["email","agentType","version","owner","deploymentEnv"],"properties":{
  "email":{"type":"string","format":"email","maxLength":254},"agentType":{"type":"string","maxLength":64},"version":{"type":"string","maxLength":64},
  "capabilities":{"type":"array","items":{"type":"string","maxLength":128}},"owner":{"type":"string","maxLength":255},
  "deploymentEnv":{"type":"string","enum":["development","staging","production"]},"scopes":{"type":"array","items":{"type":"string","maxLength":128}},
  "claims":{"type":"object"},"labels":{"type":"object","additionalProperties":{"type":"string"}},"organizationId":{"type":"string","format":"uuid"}}},
"AgentUpdate":{"type":"object","additionalProperties":false,"properties":{
  "email":{"type":"string","format":"email","maxLength":254},"agentType":{"type":"string","maxLength":64},"version":{"type":"string","maxLength":64},
  "capabilities":{"type":"array","items":{"type":"string","maxLength":128}},"owner":{"type":"string","maxLength":255},
  "deploymentEnv":{"type":"string","enum":["development","staging","production"]},"scopes":{"type":"array","items":{"type":"string","maxLength":128}},
  "claims":{"type":"object"},"labels":{"type":"object","additionalProperties":{"type":"string"}},"status":{"type":"string","enum":["active","suspended"]}}},
"Agent":{"type":"object","required":["agentId","organizationId","email","status"],"properties":{
  "agentId":{"type":"string","format":"uuid"},"organizationId":{"type":"string","format":"uuid"},"email":{"type":"string"},"agentType":{"type":"string"},
  "version":{"type":"string"},"capabilities":{"type":"array","items":{"type":"string"}},"owner":{"type":"string"},"deploymentEnv":{"type":"string"},
  "scopes":{"type":"array","items":{"type":"string"}},"claims":{"type":"object"},"labels":{"type":"object"},
  "status":{"type":"string","enum":["active","suspended","decommissioned"]},"createdAt":{"type":"string","format":"date-time"},"updatedAt":{"type":"string","format":"date-time"}}},
"AgentPage":{"type":"object","properties":{"data":{"type":"array","items":{"$ref":"#/components/schemas/Agent"}},"nextCursor":{"type":["string","null"]}}},
"CredentialCreate":{"type":"object","additionalProperties":false,"properties":{"expiresAt":{"type":"string","format":"date-time"}}},
"CredentialRotate":{"type":"object","additionalProperties":false,"properties":{"expiresAt":{"type":"string","format":"date-time"},"overlapSeconds":{"type":"integer","minimum":0,"maximum":604800}}},
"Credential":{"type":"object","required":["credentialId","clientId","status"],"properties":{
  "credentialId":{"type":"string","format":"uuid"},"clientId":{"type":"string","format":"uuid"},"clientSecret":{"type":"string","description":"in the answers to create and rotate only"},
  "status":{"type":"string","enum":["active","revoked"]},"createdAt":{"type":"string","format":"date-time"},"expiresAt":{"type":["string","null"],"format":"date-time"},
  "revokedAt":{"type":["string","null"],"format":"date-time"},"lastUsedAt":{"type":["string","null"],"format":"date-time"}}},
"CredentialPage":{"type":"object","properties":{"data":{"type":"array","items":{"$ref":"#/components/schemas/Credential"}},"nextCursor":{"type":["string","null"]}}},
"OrganizationCreate":{"type":"object","additionalProperties":false,"required":["name"],"properties":{
  "name":{"type":"string","maxLength":255},"slug":{"type":"string","pattern":"^[a-z0-9-]{1,63}$"},"plan":{"type":"string","maxLength":64},"limits":{"$ref":"#/components/schemas/Limits"}}},
"OrganizationUpdate":{"type":"object","additionalProperties":false,"properties":{
  "name":{"type":"string","maxLength":255},"plan":{"type":"string","maxLength":64},"limits":{"$ref":"#/components/schemas/Limits"},"status":{"type":"string","enum":["active","suspended"]}}},
"Limits":{"type":"object","properties":{"tokensPerMonth":{"type":"integer","minimum":0},"requestsPerMinute":{"type":"integer","minimum":1}}},
"Organization":{"type":"object","required":["organizationId","name","slug","status"],"properties":{
  "organizationId":{"type":"string","format":"uuid"},"name":{"type":"string"},"slug":{"type":"string"},"plan":{"type":"string"},"limits":{"$ref":"#/components/schemas/Limits"},
  "status":{"type":"string"},"createdAt":{"type":"string","format":"date-time"},"updatedAt":{"type":"string","format":"date-time"}}},
"OrganizationPage":{"type":"object","properties":{"data":{"type":"array","items":{"$ref":"#/components/schemas/Organization"}},"nextCursor":{"type":["string","null"]}}},
"AuditEvent":{"type":"object","required":["eventId","index","action","outcome","timestamp","hash","prevHash"],"properties":{
  "eventId":{"type":"string"},"index":{"type":"integer"},"agentId":{"type":["string","null"]},"organizationId":{"type":["string","null"]},"action":{"type":"string"},
  "outcome":{"type":"string","enum":["success","failure"]},"ipAddress":{"type":["string","null"]},"userAgent":{"type":["string","null"]},"metadata":{"type":"object"},"ext":{"type":"object"},
  "timestamp":{"type":"string","format":"date-time"},"hash":{"type":"string"},"prevHash":{"type":"string"}}},
"AuditPage":{"type":"object","properties":{"data":{"type":"array","items":{"$ref":"#/components/schemas/AuditEvent"}},"nextCursor":{"type":["string","null"]},"retainedFrom":{"type":"string"}}},
"AuditVerdict":{"type":"object","required":["ok"],"properties":{"ok":{"type":"boolean"},"from":{"type":"integer"},"to":{"type":"integer"},"checkpoint":{"type":["string","null"]},
  "entriesHashed":{"type":"integer"},"firstBad":{"type":["integer","null"]},"lseqGaps":{"type":"array"}}},
"AuditProof":{"type":"object","properties":{"eventId":{"type":"string"},"index":{"type":"integer"},"treeSize":{"type":"integer"},"rootHash":{"type":"string"},"leafHash":{"type":"string"},
  "hashes":{"type":"array","items":{"type":"string"}},"checkpoint":{"type":"string"}}},
"AuditConsistency":{"type":"object","properties":{"from":{"type":"integer"},"to":{"type":"integer"},"hashes":{"type":"array","items":{"type":"string"}}}},
"AuditKey":{"type":"object","properties":{"origin":{"type":"string"},"key":{"type":"string"}}},
"AuditJob":{"type":"object","properties":{"jobId":{"type":"string"},"status":{"type":"string"},"result":{"$ref":"#/components/schemas/AuditVerdict"}}},
"MintRequest":{"type":"object","required":["sender"],"properties":{
  "sender":{"type":"string","pattern":"\\S"},"scopes":{"type":"object"},"ttl_seconds":{"type":["number","null"],"exclusiveMinimum":0}}},
"MintedToken":{"type":"object","required":["token","sender","expires_in_seconds"],"properties":{
  "token":{"type":"string"},"sender":{"type":"string"},"expires_in_seconds":{"type":"number"}}},
"MintHealth":{"type":"object","required":["ok"],"properties":{"ok":{"const":true}}},
"MintError":{"type":"object","required":["error"],"properties":{"error":{"type":"string"}}},
"Jwks":{"type":"object","required":["keys"],"properties":{"keys":{"type":"array","items":{"type":"object"}}}},
"Metadata":{"type":"object","required":["issuer","token_endpoint"],"properties":{"issuer":{"type":"string"},"token_endpoint":{"type":"string"}}},
"Health":{"type":"object","required":["status"],"properties":{"status":{"type":"string","enum":["ok","error"]}},"additionalProperties":{"type":"string"}}
})";
}

}  // namespace agentidp::server
