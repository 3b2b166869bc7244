#include "store/hook_bundles.h"

#include <iterator>

#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::store {
namespace {

using plugin::Compare;

constexpr std::string_view kTable = "hook_bundles";
constexpr std::string_view kModePrefix = "hook-mode:";
constexpr std::uint32_t kMaxModes = 1'000;
constexpr std::uint32_t kMaxRows = 100;

base::Result<HookBundle> decode(const plugin::Row& row) {
    RowReader reader(row);
    HookBundle bundle;
    bundle.number = reader.integer();
    bundle.sha256 = reader.text();
    bundle.bundle = reader.text();
    bundle.pushedBy = reader.text();
    bundle.pushedAt = reader.time();
    if (auto verdict = reader.verdict(kTable); !verdict) return verdict.error();
    return bundle;
}

base::Result<std::optional<HookBundle>> newestOf(plugin::Storage& storage, const base::Clock& clock, std::vector<plugin::Where> where) {
    auto rows = readAll<HookBundle>(
        storage, clock,
        plugin::select(kTable, {"number", "sha256", "bundle", "pushed_by", "pushed_at"}, std::move(where), 1, {{"number", true}}), decode);
    if (!rows) return std::move(rows).error();
    return rows->empty() ? std::optional<HookBundle>() : std::optional(std::move(rows->front()));
}

std::string rowOfMode(const std::string& script) { return std::string(kModePrefix) + script; }

}  // namespace

plugin::Op insertHookBundle(const HookBundle& bundle) {
    return plugin::insertInto(kTable, {{"number", bundle.number},
                                       {"sha256", bundle.sha256},
                                       {"bundle", bundle.bundle},
                                       {"pushed_by", bundle.pushedBy},
                                       {"pushed_at", bundle.pushedAt}});
}

plugin::Op removeHookBundles(const std::vector<std::int64_t>& numbers) {
    return plugin::removeFrom(kTable, {{"number", Compare::In, {numbers.begin(), numbers.end()}}});
}

base::Result<std::optional<HookBundle>> newestHookBundle(plugin::Storage& storage, const base::Clock& clock) {
    return newestOf(storage, clock, {});
}

base::Result<std::optional<HookBundle>> hookBundleBefore(plugin::Storage& storage, const base::Clock& clock, std::int64_t number) {
    return newestOf(storage, clock, {{"number", Compare::Lt, {number}}});
}

base::Result<std::vector<std::int64_t>> hookBundleNumbers(plugin::Storage& storage, const base::Clock& clock) {
    return readAll<std::int64_t>(storage, clock, plugin::select(kTable, {"number"}, {}, kMaxRows, {{"number", true}}),
                                 [](const plugin::Row& row) -> base::Result<std::int64_t> {
                                     RowReader reader(row);
                                     const auto number = reader.integer();
                                     if (auto verdict = reader.verdict(kTable); !verdict) return verdict.error();
                                     return number;
                                 });
}

plugin::Op putHookMode(const std::string& script, const std::string& mode) {
    return plugin::insertInto("meta", {{"name", rowOfMode(script)}, {"value", mode}}, plugin::Op::OnConflict::Replace);
}

plugin::Op removeHookMode(const std::string& script) { return plugin::removeFrom("meta", {{"name", Compare::Eq, {rowOfMode(script)}}}); }

base::Result<std::map<std::string, std::string>> readHookModes(plugin::Storage& storage, const base::Clock& clock) {
    using Pair = std::pair<std::string, std::string>;
    auto rows = readAll<Pair>(
        storage, clock,
        plugin::select("meta", {"name", "value"}, {{"name", Compare::Prefix, {std::string(kModePrefix)}}}, kMaxModes, {{"name", false}}),
        [](const plugin::Row& row) -> base::Result<Pair> {
            RowReader reader(row);
            auto name = reader.text();
            auto value = reader.text();
            if (auto verdict = reader.verdict("meta"); !verdict) return verdict.error();
            return Pair{name.substr(kModePrefix.size()), value};
        });
    if (!rows) return std::move(rows).error();
    return std::map<std::string, std::string>(std::make_move_iterator(rows->begin()), std::make_move_iterator(rows->end()));
}

}  // namespace agentidp::store
