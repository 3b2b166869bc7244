#include "server/last_used.h"

#include "store/credentials.h"
#include "store/reads.h"

namespace agentidp::server {

void LastUsed::record(const model::CredentialId& credential, base::Instant at) {
    auto used = used_.lock();
    if (const auto found = used->find(credential.str()); found != used->end())
        found->second = at;
    else if (used->size() < kMost)
        used->emplace(credential.str(), at);
}

base::Result<std::size_t> LastUsed::flush() {
    std::unordered_map<std::string, base::Instant> taken;
    taken.swap(*used_.lock());
    std::size_t written = 0;
    std::vector<plugin::Op> ops;
    const auto write = [&]() -> base::Result<void> {
        plugin::Transaction tx;
        auto done = storage_.apply(tx, ops, plugin::ApplyMode::Commit, plugin::callWithin(clock_, store::kReadDeadline));
        if (!done) return std::move(done).error();
        written += ops.size();
        ops.clear();
        return {};
    };
    for (auto next = taken.begin(); next != taken.end(); ++next) {
        ops.push_back(store::touchCredential(model::CredentialId(next->first), next->second));
        // Short transactions: the ledger's writer waits for none of them long.
        if (ops.size() < 200 && std::next(next) != taken.end()) continue;
        if (auto done = write(); !done) {
            auto used = used_.lock();
            used->insert(taken.begin(), taken.end());
            return std::move(done).error();
        }
    }
    return written;
}

}  // namespace agentidp::server
