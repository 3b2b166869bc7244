#pragma once
/// @file kernel/store/data_keys.h
/// The data_keys table: keys the kernel made for itself, wrapped by a keys plugin. Nothing in a row opens anything alone.
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "plugin/storage.h"

namespace agentidp::store {

struct DataKeyRow {
    std::string id;       ///< UUID; with the purpose it is the associated data of the wrapping
    std::string purpose;  ///< "pepper", "cursor", "checkpoint", "column"
    std::string plugin;   ///< the keys plugin that wrapped it
    base::Bytes wrapped;
    std::string status;  ///< "active"
    base::Instant createdAt;
};

[[nodiscard]] plugin::Op insertDataKey(const DataKeyRow& row);
/// Another plugin wraps it from now on; Conflict or NotFound unless `from` still does.
[[nodiscard]] plugin::Op rewrapDataKey(const DataKeyRow& row, std::string_view from);
/// Oldest first, also inside a transaction: decode its rows by decodeDataKeys.
[[nodiscard]] plugin::Op selectDataKeys();
[[nodiscard]] base::Result<std::vector<DataKeyRow>> decodeDataKeys(const std::vector<plugin::Row>& rows);
[[nodiscard]] base::Result<std::vector<DataKeyRow>> readDataKeys(plugin::Storage& storage, const base::Clock& clock);

}  // namespace agentidp::store
