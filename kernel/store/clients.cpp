#include "store/clients.h"

#include "store/agents.h"
#include "store/credentials.h"
#include "store/reads.h"

namespace agentidp::store {
namespace {

/// One more than an agent may have.
constexpr std::uint32_t kCredentialsRead = model::kMaxActiveCredentials + 1;

}  // namespace

base::Result<ClientRows> findClient(plugin::Storage& storage, const base::Clock& clock, const model::AgentId& id) {
    std::vector<plugin::Op> ops;
    ops.push_back(selectAgent(id));
    ops.push_back(selectActiveCredentials(id, kCredentialsRead));
    auto results = storage.read(ops, plugin::callWithin(clock, kReadDeadline));
    if (!results) return std::move(results).error();
    if (results->size() != ops.size()) return base::fail(base::Errc::Internal, "", "storage answered another number of results");
    const auto& rows = results->front().rows;
    if (rows.empty()) return base::fail(base::Errc::NotFound, "no such object");
    ClientRows out;
    auto agent = agentOf(rows.front());
    if (!agent) return std::move(agent).error();
    out.agent = std::move(*agent);
    for (const auto& row : results->back().rows) {
        auto credential = credentialOf(row);
        if (!credential) return std::move(credential).error();
        out.credentials.push_back(std::move(*credential));
    }
    return out;
}

}  // namespace agentidp::store
