#pragma once
/// @file kernel/cli/backup/store_copy.h
/// Everything of one storage into another, whatever plugins they are: table by table through `apply`, in one transaction of the target. The
/// way from the embedded default to a database server.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "plugin/storage.h"

namespace agentidp::cli {

struct CopiedTable {
    std::string name;
    std::uint64_t rows = 0;
};

/// Both storages have the whole of `schemaJson`, and nobody writes to `from` meanwhile. `told` hears the table and its rows so far.
/// Errc::Conflict: `to` holds rows already, or `from` changed while it was read; then, and after every other error, `to` is as it was.
/// Blocks; one thread.
[[nodiscard]] base::Result<std::vector<CopiedTable>> copyStore(plugin::Storage& from, plugin::Storage& to, std::string_view schemaJson,
                                                               const base::Clock& clock,
                                                               const std::function<void(const CopiedTable&)>& told);

}  // namespace agentidp::cli
