#include "server/last_used.h"

#include "store/credentials.h"
#include "store/reads.h"

namespace agentidp::server {
namespace {

constexpr std::size_t kMany = 4'000;
constexpr base::seconds kLong{20};

}  // namespace

void LastUsed::record(const model::CredentialId& credential, base::Instant at) {
    auto noted = noted_.lock();
    if (noted->used.empty()) noted->since = clock_.mono();
    if (const auto found = noted->used.find(credential.str()); found != noted->used.end())
        found->second = at;
    else if (noted->used.size() < kMost)
        noted->used.emplace(credential.str(), at);
}

bool LastUsed::due() {
    auto noted = noted_.lock();
    return noted->used.size() >= kMany || (!noted->used.empty() && clock_.mono() - noted->since >= kLong);
}

base::Result<std::size_t> LastUsed::flush() {
    std::unordered_map<std::string, base::Instant> taken;
    taken.swap(noted_.lock()->used);
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
            auto noted = noted_.lock();
            noted->used.insert(taken.begin(), taken.end());
            return std::move(done).error();
        }
    }
    return written;
}

}  // namespace agentidp::server
