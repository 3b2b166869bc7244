#pragma once
/// @file tests/fakes/fake_tables.h
/// The tables behind FakeStorage: committed rows, and one writer's changes laid over them. Private to the fake.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "plugin/storage.h"

namespace agentidp::tests {

/// Null before everything; text and bytes by their bytes. Both of one type, or null.
[[nodiscard]] int compareValues(const plugin::Value& left, const plugin::Value& right);

struct RowLess {
    bool operator()(const plugin::Row& left, const plugin::Row& right) const;
};

struct FakeColumn {
    std::string name;
    std::size_t type = 0;  ///< index in plugin::Value
    bool nullable = false;
    plugin::Value otherwise;  ///< what a row without this column gets
};

struct FakeTable {
    std::vector<FakeColumn> columns;
    std::vector<std::size_t> key;
    std::vector<std::vector<std::size_t>> unique;
    std::map<plugin::Row, plugin::Row, RowLess> rows;

    [[nodiscard]] std::optional<std::size_t> find(std::string_view column) const;
};
using FakeTables = std::map<std::string, FakeTable, std::less<>>;

/// Applies one step of the schema. Errc::Invalid where the step is not as migrations/schema.json describes.
[[nodiscard]] base::Result<void> applyStep(FakeTables& tables, const base::json::Value& step);

/// One writer's view: the committed tables and its own changes. Not thread-safe.
class FakeChanges {
public:
    explicit FakeChanges(const FakeTables& committed) : committed_(committed) {}

    /// Insert, update, remove, select or count. Errors as aip_storage_ops promises; the op may be half done then, which the
    /// caller undoes.
    base::Result<plugin::OpResult> run(const plugin::Op& op);
    /// Marks the place that undo() goes back to.
    void beginGroup() { undo_.clear(); }
    void undoGroup();
    void commitTo(FakeTables& tables) &&;

private:
    using Changed = std::map<plugin::Row, std::optional<plugin::Row>, RowLess>;
    struct Undo {
        std::string table;
        plugin::Row key;
        std::optional<std::optional<plugin::Row>> before;
    };

    [[nodiscard]] const plugin::Row* at(const FakeTable& table, const std::string& name, const plugin::Row& key) const;
    [[nodiscard]] std::vector<const plugin::Row*> matching(const FakeTable& table, const plugin::Op& op) const;
    [[nodiscard]] std::vector<plugin::Row> takenBy(const FakeTable& table, const std::string& name, const plugin::Row& row) const;
    void put(const std::string& name, const plugin::Row& key, std::optional<plugin::Row> row);
    base::Result<plugin::OpResult> insert(const FakeTable& table, const plugin::Op& op);
    base::Result<plugin::OpResult> update(const FakeTable& table, const plugin::Op& op);
    base::Result<plugin::OpResult> remove(const FakeTable& table, const plugin::Op& op);
    [[nodiscard]] plugin::OpResult select(const FakeTable& table, const plugin::Op& op) const;

    const FakeTables& committed_;
    std::map<std::string, Changed, std::less<>> changed_;
    std::vector<Undo> undo_;
};

/// What an operation may look like, whatever the rows are.
[[nodiscard]] base::Result<void> checkShape(const FakeTable& table, const plugin::Op& op);

}  // namespace agentidp::tests
