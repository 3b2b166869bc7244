#pragma once
/// @file kernel/model/ids.h
/// The names things go by, each its own type.
#include "base/strong.h"

namespace agentidp::model {

using OrganizationId = base::Strong<struct OrganizationIdTag>;  ///< UUID
using AgentId = base::Strong<struct AgentIdTag>;                ///< UUID; also the OAuth client_id
using CredentialId = base::Strong<struct CredentialIdTag>;      ///< UUID
using ScopeName = base::Strong<struct ScopeNameTag>;            ///< RFC 6749 section 3.3 scope-token
using Jti = base::Strong<struct JtiTag>;
using KeyId = base::Strong<struct KeyIdTag>;
using EventId = base::Strong<struct EventIdTag>;  ///< UUID version 7
using RequestId = base::Strong<struct RequestIdTag>;

}  // namespace agentidp::model
