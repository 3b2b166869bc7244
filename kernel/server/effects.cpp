#include "server/effects.h"

#include "store/agents.h"
#include "store/credentials.h"
#include "store/organizations.h"
#include "store/revocations.h"

namespace agentidp::server {
namespace {

using plugin::Compare;

plugin::Op opOf(const model::InsertAgent& change) { return store::insertAgent(change.agent); }
plugin::Op opOf(const model::UpdateAgent& change) { return store::updateAgent(change.agent, change.expectedVersion); }
plugin::Op opOf(const model::InsertCredential& change) { return store::insertCredential(change.credential); }
plugin::Op opOf(const model::UpdateCredential& change) { return store::updateCredential(change.credential, change.expectedVersion); }
plugin::Op opOf(const model::InsertOrganization& change) { return store::insertOrganization(change.organization); }
plugin::Op opOf(const model::UpdateOrganization& change) { return store::updateOrganization(change.organization, change.expectedVersion); }
plugin::Op opOf(const model::RevokeToken& change) { return store::insertRevocation({change.jti, change.expiresAt, change.revokedAt}); }

// An expectation is an update that changes nothing: the number of rows it meets is what is checked.
plugin::Op opOf(const model::ExpectAgent& change) {
    return plugin::update("agents", {{"row_version", change.version}},
                          {{"num", Compare::Eq, {change.agentNum}}, {"row_version", Compare::Eq, {change.version}}}, 1);
}
plugin::Op opOf(const model::ExpectActiveCredentials& change) {
    return plugin::update("credentials", {{"agent_num", change.agentNum}},
                          {{"agent_num", Compare::Eq, {change.agentNum}}, {"status", Compare::Eq, {std::string("active")}}}, change.count);
}

}  // namespace

audit::Effect effectOf(model::Mutation&& mutation) {
    audit::Effect effect;
    effect.ops.reserve(mutation.changes.size());
    for (const auto& change : mutation.changes) effect.ops.push_back(std::visit([](const auto& one) { return opOf(one); }, change));
    effect.events = std::move(mutation.events);
    return effect;
}

}  // namespace agentidp::server
