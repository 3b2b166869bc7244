#include "base/text.h"
#include "fakes/fake_tables.h"

namespace agentidp::tests {

namespace {

using base::Errc;
using base::fail;
using plugin::Compare;
using plugin::Op;
using plugin::Value;

constexpr std::string_view kTypes[] = {"null", "bool", "int", "text", "bytes", "time", "json"};
constexpr std::size_t kBool = 1, kInt = 2, kText = 3, kJson = 6;

base::Result<FakeColumn> columnFrom(const base::json::Value& from) {
    FakeColumn column;
    column.name = from.textOr("name", "");
    const std::string type = from.textOr("type", "");
    for (std::size_t i = kBool; i < std::size(kTypes); ++i)
        if (type == kTypes[i]) column.type = i;
    if (column.name.empty() || column.type == 0) return fail(Errc::Invalid, "a column without name or type");
    const auto* null = from.find("null");
    column.nullable = null && null->asBool() && *null->asBool();
    if (const auto* otherwise = from.find("default")) {
        if (const auto* number = otherwise->asInt(); number && column.type == kInt) column.otherwise = *number;
        if (const auto* text = otherwise->asText(); text && column.type == kText) column.otherwise = *text;
        if (const auto* flag = otherwise->asBool(); flag && column.type == kBool) column.otherwise = *flag;
        if (const auto* text = otherwise->asText(); text && column.type == kJson) column.otherwise = plugin::JsonText{*text};
        if (std::holds_alternative<std::monostate>(column.otherwise)) return fail(Errc::Invalid, "a default of another type");
    }
    return column;
}

base::Result<std::vector<std::size_t>> columnsNamed(const FakeTable& table, const base::json::Value& names) {
    std::vector<std::size_t> out;
    if (!names.asArray() || names.asArray()->empty()) return fail(Errc::Invalid, "a key or index without columns");
    for (const auto& name : *names.asArray()) {
        const auto at = name.asText() ? table.find(*name.asText()) : std::nullopt;
        if (!at) return fail(Errc::Invalid, "a key or index of an unknown column");
        out.push_back(*at);
    }
    return out;
}

base::Result<void> addUnique(FakeTable& table, const base::json::Value& from) {
    const auto* unique = from.find("unique");
    if (!unique) return {};
    if (!unique->asArray()) return fail(Errc::Invalid, "unique is not a list");
    for (const auto& names : *unique->asArray()) {
        auto columns = columnsNamed(table, names);
        if (!columns.ok()) return columns.error();
        table.unique.push_back(std::move(*columns));
    }
    return {};
}

base::Result<FakeTable> tableFrom(const base::json::Value& from) {
    FakeTable table;
    const auto* columns = from.find("columns");
    if (!columns || !columns->asArray()) return fail(Errc::Invalid, "a table without columns");
    for (const auto& column : *columns->asArray()) {
        auto parsed = columnFrom(column);
        if (!parsed.ok()) return parsed.error();
        table.columns.push_back(std::move(*parsed));
    }
    const auto* key = from.find("primaryKey");
    if (!key) return fail(Errc::Invalid, "a table without a key");
    auto keyColumns = columnsNamed(table, *key);
    if (!keyColumns.ok()) return keyColumns.error();
    table.key = std::move(*keyColumns);
    if (auto added = addUnique(table, from); !added.ok()) return added.error();
    return table;
}

const base::json::Array& listOf(const base::json::Value& from, std::string_view name) {
    static const base::json::Array none;
    const auto* list = from.find(name);
    return list && list->asArray() ? *list->asArray() : none;
}

base::Result<void> checkValue(const FakeColumn& column, const Value& value) {
    if (value.index() != column.type) return fail(Errc::Invalid, column.name + ": a value of another type");
    const auto* text = std::get_if<std::string>(&value);
    if (text && (text->find('\0') != std::string::npos || !base::isUtf8(*text)))
        return fail(Errc::Invalid, column.name + ": not UTF-8 without NUL");
    const auto* json = std::get_if<plugin::JsonText>(&value);
    if (json && !base::json::parse(json->text)) return fail(Errc::Invalid, column.name + ": not JSON");
    return {};
}

base::Result<void> checkWhere(const FakeTable& table, const plugin::Where& where) {
    const auto at = table.find(where.column);
    if (!at) return fail(Errc::Invalid, "unknown column " + std::string(where.column));
    const FakeColumn& column = table.columns[*at];
    const bool bare = where.compare == Compare::IsNull || where.compare == Compare::NotNull;
    const std::size_t least = bare ? 0 : 1;
    const std::size_t most = bare ? 0 : (where.compare == Compare::In ? 1'000 : 1);
    if (where.values.size() < least || where.values.size() > most)
        return fail(Errc::Invalid, "another number of values than the comparison takes");
    if (!bare && column.type == kJson) return fail(Errc::Invalid, "JSON is not compared");
    if (where.compare == Compare::Prefix && column.type != kText) return fail(Errc::Invalid, "a prefix of what is not text");
    for (const auto& value : where.values)
        if (auto checked = checkValue(column, value); !checked.ok()) return checked;
    return {};
}

base::Result<void> checkSet(const FakeTable& table, const Op& op) {
    if (op.set.empty() || op.set.size() > 64) return fail(Errc::Invalid, "no column, or more than 64");
    std::vector<bool> seen(table.columns.size());
    for (const auto& assign : op.set) {
        const auto at = table.find(assign.column);
        if (!at) return fail(Errc::Invalid, "unknown column " + std::string(assign.column));
        if (seen[*at]) return fail(Errc::Invalid, "a column twice");
        seen[*at] = true;
        const FakeColumn& column = table.columns[*at];
        if (assign.mode == plugin::Assign::Mode::Add &&
            (op.code == Op::Code::Insert || column.type != kInt || assign.value.index() != kInt))
            return fail(Errc::Invalid, "only integers are added, and only by an update");
        if (std::holds_alternative<std::monostate>(assign.value)) {
            if (!column.nullable) return fail(Errc::Invalid, column.name + " is not null");
        } else if (auto checked = checkValue(column, assign.value); !checked.ok()) {
            return checked;
        }
    }
    if (op.code == Op::Code::Insert)
        for (std::size_t i = 0; i < seen.size(); ++i)
            if (!seen[i] && !table.columns[i].nullable && std::holds_alternative<std::monostate>(table.columns[i].otherwise))
                return fail(Errc::Invalid, table.columns[i].name + " is not null");
    return {};
}

base::Result<void> checkSelect(const FakeTable& table, const Op& op) {
    if (op.columns.empty() || op.columns.size() > 64) return fail(Errc::Invalid, "no column, or more than 64");
    if (op.limit < 1 || op.limit > 10'000) return fail(Errc::Invalid, "limit");
    if (op.order.size() > 2) return fail(Errc::Invalid, "order by more than two columns");
    if (!op.after.empty() && op.after.size() != op.order.size()) return fail(Errc::Invalid, "a cursor of another length than its order");
    for (const auto& name : op.columns)
        if (!table.find(name)) return fail(Errc::Invalid, "unknown column " + std::string(name));
    for (std::size_t i = 0; i < op.order.size(); ++i) {
        const auto at = table.find(op.order[i].column);
        if (!at || table.columns[*at].type == kJson) return fail(Errc::Invalid, "order by an unknown or JSON column");
        if (i < op.after.size())
            if (auto checked = checkValue(table.columns[*at], op.after[i]); !checked.ok()) return checked;
    }
    return {};
}

}  // namespace

std::optional<std::size_t> FakeTable::find(std::string_view column) const {
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (columns[i].name == column) return i;
    return std::nullopt;
}

base::Result<void> applyStep(FakeTables& tables, const base::json::Value& step) {
    for (const auto& from : listOf(step, "tables")) {
        auto table = tableFrom(from);
        if (!table.ok()) return table.error();
        if (!tables.emplace(from.textOr("name", ""), std::move(*table)).second) return fail(Errc::Invalid, "a table twice");
    }
    for (const auto& from : listOf(step, "addColumns")) {
        const auto table = tables.find(from.textOr("table", ""));
        if (table == tables.end()) return fail(Errc::Invalid, "columns for an unknown table");
        for (const auto& column : listOf(from, "columns")) {
            auto parsed = columnFrom(column);
            if (!parsed.ok()) return parsed.error();
            for (auto& [key, row] : table->second.rows) row.push_back(parsed->otherwise);
            table->second.columns.push_back(std::move(*parsed));
        }
    }
    for (const auto& from : listOf(step, "addIndexes")) {
        const auto table = tables.find(from.textOr("table", ""));
        if (table == tables.end()) return fail(Errc::Invalid, "an index of an unknown table");
        if (auto added = addUnique(table->second, from); !added.ok()) return added;
    }
    return {};
}

base::Result<void> checkShape(const FakeTable& table, const Op& op) {
    if (op.where.size() > 16) return fail(Errc::Invalid, "more than 16 conditions");
    for (const auto& where : op.where)
        if (auto checked = checkWhere(table, where); !checked.ok()) return checked;
    if (op.code == Op::Code::Insert || op.code == Op::Code::Update) return checkSet(table, op);
    if (op.code == Op::Code::Select) return checkSelect(table, op);
    return {};
}

}  // namespace agentidp::tests
