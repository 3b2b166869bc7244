#pragma once
/// @file kernel/cli/import/reference_shape.h
/// What of a sentryagent-idp database is taken, by the names its releases gave to tables and columns. Which of them are there is asked of
/// the database itself; what is not listed here is left, and said to be.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::cli {

/// A column under our name for it, and the names it has had. The first that is there counts.
struct ReferenceColumn {
    std::string_view as;
    std::vector<std::string_view> names;
    enum class Need { Required, Optional } need = Need::Optional;
};

struct ReferenceTable {
    std::string_view name;
    std::vector<ReferenceColumn> columns;
    std::vector<std::string_view> order;  ///< of `as` names
};

/// In the order they are imported in.
[[nodiscard]] const std::vector<ReferenceTable>& referenceTables();
[[nodiscard]] const ReferenceTable& referenceTable(std::string_view name);

/// column -> its data_type, as information_schema tells them.
using ColumnTypes = std::map<std::string, std::string, std::less<>>;
using TableColumns = std::map<std::string, ColumnTypes, std::less<>>;

/// A table as it is there: our names to the database's.
struct FoundTable {
    std::map<std::string, std::string, std::less<>> columns;  ///< as -> name
    std::vector<std::string> left;                            ///< columns nobody asked for
    std::vector<std::string> missing;                         ///< required ones that are not there
    [[nodiscard]] bool has(std::string_view as) const { return columns.find(as) != columns.end(); }
};
/// Nothing where the database has no such table.
[[nodiscard]] std::optional<FoundTable> findTable(const ReferenceTable& table, const TableColumns& there);

/// One row: our names, and text; absent where the column is, or the value is null. Times are RFC 3339 in UTC, arrays and JSON are JSON.
class ReferenceRow {
public:
    void set(std::string as, std::string value) { values_.insert_or_assign(std::move(as), std::move(value)); }
    [[nodiscard]] const std::string* find(std::string_view as) const {
        const auto found = values_.find(as);
        return found == values_.end() ? nullptr : &found->second;
    }
    [[nodiscard]] std::string textOr(std::string_view as, std::string_view otherwise = {}) const {
        const auto* value = find(as);
        return std::string(value != nullptr ? std::string_view(*value) : otherwise);
    }

private:
    std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace agentidp::cli
