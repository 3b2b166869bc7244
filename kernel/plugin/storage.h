#pragma once
/// @file kernel/plugin/storage.h
/// What a storage plugin promises, as C++ values: a small relational store. The semantics are those of aip_storage_ops in
/// agentidp/plugin.h, operation by operation; this is its typed face. Exactly one is loaded.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "plugin/call.h"

namespace agentidp::plugin {

struct JsonText {
    std::string text;
    bool operator==(const JsonText&) const = default;
};
/// null, bool, int, text, bytes, time, json.
using Value = std::variant<std::monostate, bool, std::int64_t, std::string, base::Bytes, base::Instant, JsonText>;
using Row = std::vector<Value>;

/// Column and table names are literals of the kernel: string_views with static storage.
struct Assign {
    enum class Mode { Set, Add };
    std::string_view column;
    Value value;
    Mode mode = Mode::Set;
};

enum class Compare { Eq, Ne, Lt, Le, Gt, Ge, In, IsNull, NotNull, Prefix };
struct Where {
    std::string_view column;
    Compare compare = Compare::Eq;
    std::vector<Value> values;
};

struct Order {
    std::string_view column;
    bool descending = false;
};

struct Op {
    enum class Code { Insert, Update, Remove, Select, Count, Lock, Savepoint, Release, Now };
    enum class OnConflict { Fail, Ignore, Replace };
    Code code = Code::Now;
    std::string_view table;  ///< for Lock: its name
    std::vector<Assign> set;
    std::vector<Where> where;
    std::vector<std::string_view> columns;
    std::vector<Order> order;
    std::vector<Value> after;
    std::uint32_t limit = 1;
    OnConflict onConflict = OnConflict::Fail;
    std::int64_t expect = -1;  ///< -1: any number of rows
};

[[nodiscard]] inline Op insertInto(std::string_view table, std::vector<Assign> set, Op::OnConflict onConflict = Op::OnConflict::Fail) {
    Op op;
    op.code = Op::Code::Insert;
    op.table = table;
    op.set = std::move(set);
    op.onConflict = onConflict;
    return op;
}
[[nodiscard]] inline Op update(std::string_view table, std::vector<Assign> set, std::vector<Where> where, std::int64_t expect = -1) {
    Op op;
    op.code = Op::Code::Update;
    op.table = table;
    op.set = std::move(set);
    op.where = std::move(where);
    op.expect = expect;
    return op;
}
[[nodiscard]] inline Op removeFrom(std::string_view table, std::vector<Where> where, std::int64_t expect = -1) {
    Op op;
    op.code = Op::Code::Remove;
    op.table = table;
    op.where = std::move(where);
    op.expect = expect;
    return op;
}
[[nodiscard]] inline Op select(std::string_view table, std::vector<std::string_view> columns, std::vector<Where> where,
                               std::uint32_t limit = 1, std::vector<Order> order = {}, std::vector<Value> after = {}) {
    Op op;
    op.code = Op::Code::Select;
    op.table = table;
    op.columns = std::move(columns);
    op.where = std::move(where);
    op.limit = limit;
    op.order = std::move(order);
    op.after = std::move(after);
    return op;
}
[[nodiscard]] inline Op count(std::string_view table, std::vector<Where> where) {
    Op op;
    op.code = Op::Code::Count;
    op.table = table;
    op.where = std::move(where);
    return op;
}
[[nodiscard]] inline Op mark(Op::Code code, std::string_view name = {}) {
    Op op;
    op.code = code;
    op.table = name;
    return op;
}

struct OpResult {
    bool ok = true;
    base::Errc error = base::Errc::Internal;  ///< meaningful where ok is false
    bool skipped = false;                     ///< true: an earlier operation of its group failed
    std::int64_t count = 0;
    std::vector<Row> rows;
};

enum class ApplyMode {
    Continue,  ///< leave the transaction open
    Commit,    ///< commit durably after the last operation
    Read,      ///< one committed snapshot, reads only
    Rollback,  ///< end without effect
};

/// Names an open write transaction. Empty until an apply with Continue; empty again after Commit, Rollback, or a failure
/// outside any group. Used by the thread that opened it.
struct Transaction {
    void* handle = nullptr;
    [[nodiscard]] bool open() const { return handle != nullptr; }
};

struct MigrationStatus {
    std::int64_t current = 0;
    std::int64_t wanted = 0;
    std::vector<std::string> pending;  ///< "2 webhooks": number and name, in order
};

/// Any thread. Every call may block up to its deadline, never longer.
class Storage {
public:
    virtual ~Storage() = default;
    /// An error means that the whole transaction is undone (except Rollback and Read, where there was none). A failure
    /// inside a Savepoint..Release group is told in that OpResult, and the call succeeds.
    virtual base::Result<std::vector<OpResult>> apply(Transaction& tx, const std::vector<Op>& ops, ApplyMode mode, const Call& call) = 0;
    virtual base::Result<MigrationStatus> migrate(std::string_view schemaJson, bool up, const Call& call) = 0;
    virtual base::Result<void> backup(const std::function<bool(base::BytesView)>& sink, const Call& call) = 0;
    virtual base::Result<void> restore(const std::function<std::int64_t(std::span<std::uint8_t>)>& source, const Call& call) = 0;
    virtual base::Result<void> health(const Call& call) = 0;
    /// The member of /health: "sqlite", "postgres", ...
    [[nodiscard]] virtual std::string backend() const = 0;

    /// Calls `changed` soon after another process committed: a hint, on a thread of the plugin's, until the storage ends. Once.
    /// Errc::Unsupported where no other process writes here.
    virtual base::Result<void> watch(const std::function<void()>& /*changed*/, const Call& /*call*/) {
        return base::fail(base::Errc::Unsupported, "changes of other processes cannot be watched");
    }

    /// One committed snapshot: for the many places that only read.
    base::Result<std::vector<OpResult>> read(const std::vector<Op>& ops, const Call& call) {
        Transaction none;
        return apply(none, ops, ApplyMode::Read, call);
    }
};

}  // namespace agentidp::plugin
