#pragma once
/// @file plugins/storage-sqlite/failure.h
/// SQLite's result codes as the border's. Nothing here throws.
#include <agentidp/plugin.hpp>
#include <string_view>

struct sqlite3;

namespace agentidp::storage_sqlite {

/// What `rc`, just answered by `db`, means for the caller. `call` tells an interruption by deadline from one by cancellation.
/// Constraint failures never quote a value.
[[nodiscard]] aip::Fail failureOf(sqlite3* db, int rc, const aip::Call* call);

/// The one sentence about a file that is no sound database; `why` is a few words, `path` goes into the detail.
[[nodiscard]] aip::Fail damaged(std::string_view why, std::string_view path);

[[nodiscard]] bool isDamage(const aip::Fail& fail);

}  // namespace agentidp::storage_sqlite
