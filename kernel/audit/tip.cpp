#include "audit/tip.h"

#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

constexpr std::string_view kTable = "audit_tip";
constexpr std::int64_t kOnlyRow = 1;

base::Error contradiction(std::string what) {
    return base::fail(base::Errc::Internal, "the audit ledger is damaged", "audit_tip: " + std::move(what));
}

base::Result<Tip> decode(const plugin::Row& row) {
    store::RowReader reader(row);
    Tip tip;
    tip.origin = reader.text();
    const std::int64_t size = reader.integer();
    const auto root = toHash(reader.bytes());
    const base::Bytes frontier = reader.bytes();
    const auto chain = toHash(reader.bytes());
    tip.updatedAt = reader.time();
    if (auto shape = reader.verdict(kTable); !shape) return std::move(shape).error();
    if (!root || !chain || size < 0) return contradiction("a value has another length than it must");
    auto parsed = Frontier::parse(static_cast<std::uint64_t>(size), frontier);
    if (!parsed) return contradiction(parsed.error().hint);
    tip.frontier = std::move(*parsed);
    tip.root = *root;
    tip.chain = *chain;
    if (tip.frontier.root() != tip.root) return contradiction("the frontier does not give the root");
    return tip;
}

}  // namespace

plugin::Op selectTip() {
    return plugin::select(kTable, {"origin", "size", "root", "frontier", "chain_hash", "updated_at"},
                          {{"id", plugin::Compare::Eq, {kOnlyRow}}});
}

base::Result<std::optional<Tip>> decodeTip(const plugin::OpResult& result) {
    if (result.rows.empty()) return std::optional<Tip>();
    auto tip = decode(result.rows.front());
    if (!tip) return std::move(tip).error();
    return std::optional<Tip>(std::move(*tip));
}

base::Result<Tip> readTip(plugin::Storage& storage, const base::Clock& clock) {
    auto tip = store::readOne<Tip>(storage, clock, selectTip(), decode);
    if (!tip && tip.error().code == base::Errc::NotFound) return base::fail(base::Errc::NotFound, "there is no audit ledger yet");
    return tip;
}

plugin::Op insertEmptyTip(const std::string& origin, base::Instant now) {
    return plugin::insertInto(kTable,
                              {{"id", kOnlyRow},
                               {"origin", origin},
                               {"size", std::int64_t{0}},
                               {"root", toBytes(emptyRoot())},
                               {"frontier", base::Bytes()},
                               {"chain_hash", toBytes(Hash{})},
                               {"updated_at", now}},
                              plugin::Op::OnConflict::Ignore);
}

plugin::Op moveTip(const Head& from, const Tip& to) {
    return plugin::update(kTable,
                          {{"size", static_cast<std::int64_t>(to.frontier.size())},
                           {"root", toBytes(to.root)},
                           {"frontier", to.frontier.serialise()},
                           {"chain_hash", toBytes(to.chain)},
                           {"updated_at", to.updatedAt}},
                          {{"id", plugin::Compare::Eq, {kOnlyRow}},
                           {"size", plugin::Compare::Eq, {static_cast<std::int64_t>(from.size)}},
                           {"root", plugin::Compare::Eq, {toBytes(from.root)}}},
                          1);
}

}  // namespace agentidp::audit
