#include "store/revocations.h"

#include <algorithm>
#include <iterator>

#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::store {
namespace {

constexpr std::string_view kTable = "token_revocations";
constexpr std::uint32_t kPage = 10'000;
constexpr std::size_t kAsked = 1'000;

base::Result<Revocation> decode(const plugin::Row& row) {
    RowReader reader(row);
    Revocation revocation{model::Jti(reader.text()), reader.time(), reader.time()};
    if (auto verdict = reader.verdict(kTable); !verdict) return verdict.error();
    return revocation;
}

}  // namespace

plugin::Op insertRevocation(const Revocation& revocation) {
    return plugin::insertInto(kTable,
                              {{"jti", revocation.jti.str()}, {"expires_at", revocation.expiresAt}, {"revoked_at", revocation.revokedAt}});
}

plugin::Op removeExpiredRevocations(base::Instant now) { return plugin::removeFrom(kTable, {{"expires_at", plugin::Compare::Lt, {now}}}); }

base::Result<std::vector<Revocation>> findRevocations(plugin::Storage& storage, const base::Clock& clock,
                                                      std::span<const model::Jti> jtis) {
    std::vector<Revocation> found;
    for (; !jtis.empty(); jtis = jtis.subspan(std::min(kAsked, jtis.size()))) {
        std::vector<plugin::Value> asked;
        for (const auto& jti : jtis.first(std::min(kAsked, jtis.size()))) asked.emplace_back(jti.str());
        const auto limit = static_cast<std::uint32_t>(asked.size());
        auto page = readAll<Revocation>(
            storage, clock,
            plugin::select(kTable, {"jti", "expires_at", "revoked_at"}, {{"jti", plugin::Compare::In, std::move(asked)}}, limit), decode);
        if (!page) return std::move(page).error();
        std::move(page->begin(), page->end(), std::back_inserter(found));
    }
    return found;
}

base::Result<std::size_t> loadRevocations(plugin::Storage& storage, const base::Clock& clock,
                                          const std::function<void(Revocation&&)>& take) {
    std::size_t loaded = 0;
    std::vector<plugin::Value> after;
    for (;;) {
        auto page =
            readAll<Revocation>(storage, clock,
                                plugin::select(kTable, {"jti", "expires_at", "revoked_at"},
                                               {{"expires_at", plugin::Compare::Ge, {clock.now()}}}, kPage, {{"jti", false}}, after),
                                decode);
        if (!page) return std::move(page).error();
        if (!page->empty()) after = {page->back().jti.str()};
        loaded += page->size();
        const bool last = page->size() < kPage;
        for (auto& revocation : *page) take(std::move(revocation));
        if (last) return loaded;
    }
}

}  // namespace agentidp::store
