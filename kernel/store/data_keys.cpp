#include "store/data_keys.h"

#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::store {
namespace {

constexpr std::string_view kTable = "data_keys";
constexpr std::uint32_t kMost = 10'000;

base::Result<DataKeyRow> decode(const plugin::Row& row) {
    RowReader reader(row);
    DataKeyRow key;
    key.id = reader.text();
    key.purpose = reader.text();
    key.plugin = reader.text();
    key.wrapped = reader.bytes();
    key.status = reader.text();
    key.createdAt = reader.time();
    if (auto verdict = reader.verdict(kTable); !verdict) return verdict.error();
    return key;
}

}  // namespace

plugin::Op insertDataKey(const DataKeyRow& row) {
    return plugin::insertInto(kTable, {{"id", row.id},
                                       {"purpose", row.purpose},
                                       {"plugin", row.plugin},
                                       {"wrapped", row.wrapped},
                                       {"status", row.status},
                                       {"created_at", row.createdAt}});
}

plugin::Op rewrapDataKey(const DataKeyRow& row, std::string_view from) {
    return plugin::update(kTable, {{"plugin", row.plugin}, {"wrapped", row.wrapped}},
                          {{"id", plugin::Compare::Eq, {row.id}}, {"plugin", plugin::Compare::Eq, {std::string(from)}}}, 1);
}

plugin::Op selectDataKeys() {
    return plugin::select(kTable, {"id", "purpose", "plugin", "wrapped", "status", "created_at"}, {}, kMost,
                          {{"created_at", false}, {"id", false}});
}

base::Result<std::vector<DataKeyRow>> decodeDataKeys(const std::vector<plugin::Row>& rows) {
    std::vector<DataKeyRow> keys;
    keys.reserve(rows.size());
    for (const auto& row : rows) {
        auto key = decode(row);
        if (!key) return std::move(key).error();
        keys.push_back(std::move(*key));
    }
    return keys;
}

base::Result<std::vector<DataKeyRow>> readDataKeys(plugin::Storage& storage, const base::Clock& clock) {
    return readAll<DataKeyRow>(storage, clock, selectDataKeys(), decode);
}

}  // namespace agentidp::store
