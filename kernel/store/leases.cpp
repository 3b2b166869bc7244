#include "store/leases.h"

#include "store/reads.h"

namespace agentidp::store {

base::Result<LeaseOutcome> takeLease(plugin::Storage& storage, const base::Clock& clock, const std::string& name, const std::string& holder,
                                     base::seconds length) {
    using plugin::Compare;
    const auto now = clock.now();
    const base::Instant until = now + length;
    std::vector<plugin::Op> ops;
    ops.push_back(
        plugin::insertInto("leases", {{"name", name}, {"holder", holder}, {"until", base::Instant{}}}, plugin::Op::OnConflict::Ignore));
    ops.push_back(plugin::update("leases", {{"until", until}}, {{"name", Compare::Eq, {name}}, {"holder", Compare::Eq, {holder}}}));
    ops.push_back(
        plugin::update("leases", {{"holder", holder}, {"until", until}}, {{"name", Compare::Eq, {name}}, {"until", Compare::Lt, {now}}}));
    plugin::Transaction tx;
    auto results = storage.apply(tx, ops, plugin::ApplyMode::Commit, plugin::callWithin(clock, kReadDeadline));
    if (!results) return std::move(results).error();
    if (results->size() != ops.size()) return base::fail(base::Errc::Internal, "", "storage answered another number of results");
    return (*results)[1].count + (*results)[2].count > 0 ? LeaseOutcome::Held : LeaseOutcome::HeldByAnother;
}

}  // namespace agentidp::store
