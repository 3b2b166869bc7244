#include "fakes/fake_tables.h"

#include <algorithm>
#include <cstring>

namespace agentidp::tests {

namespace {

using base::Errc;
using base::fail;
using plugin::Compare;
using plugin::Op;
using plugin::OpResult;
using plugin::Row;
using plugin::Value;

Row keyOf(const FakeTable& table, const Row& row) {
    Row key;
    for (const auto at : table.key) key.push_back(row[at]);
    return key;
}

bool isNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

bool holds(const Value& value, const plugin::Where& where) {
    if (where.compare == Compare::IsNull) return isNull(value);
    if (isNull(value)) return false;
    switch (where.compare) {
        case Compare::NotNull: return true;
        case Compare::In:
            return std::any_of(where.values.begin(), where.values.end(), [&](const Value& one) { return compareValues(value, one) == 0; });
        case Compare::Prefix: return std::get<std::string>(value).starts_with(std::get<std::string>(where.values[0]));
        case Compare::Eq: return compareValues(value, where.values[0]) == 0;
        case Compare::Ne: return compareValues(value, where.values[0]) != 0;
        case Compare::Lt: return compareValues(value, where.values[0]) < 0;
        case Compare::Le: return compareValues(value, where.values[0]) <= 0;
        case Compare::Gt: return compareValues(value, where.values[0]) > 0;
        case Compare::Ge: return compareValues(value, where.values[0]) >= 0;
        case Compare::IsNull: break;
    }
    return false;
}

base::Result<void> meets(const Op& op, std::int64_t count) {
    if (op.expect < 0 || op.expect == count) return {};
    if (count == 0) return fail(Errc::NotFound, "no such row");
    return fail(Errc::Conflict, "another number of rows than expected");
}

OpResult counted(std::int64_t count) {
    OpResult result;
    result.count = count;
    return result;
}

}  // namespace

int compareValues(const Value& left, const Value& right) {
    if (left.index() != right.index()) return left.index() < right.index() ? -1 : 1;
    const auto order = [](const auto& a, const auto& b) { return a < b ? -1 : (b < a ? 1 : 0); };
    if (const auto* flag = std::get_if<bool>(&left)) return order(*flag, std::get<bool>(right));
    if (const auto* number = std::get_if<std::int64_t>(&left)) return order(*number, std::get<std::int64_t>(right));
    if (const auto* text = std::get_if<std::string>(&left)) return order(*text, std::get<std::string>(right));
    if (const auto* bytes = std::get_if<base::Bytes>(&left)) return order(*bytes, std::get<base::Bytes>(right));
    if (const auto* time = std::get_if<base::Instant>(&left)) return order(*time, std::get<base::Instant>(right));
    if (const auto* json = std::get_if<plugin::JsonText>(&left)) return order(json->text, std::get<plugin::JsonText>(right).text);
    return 0;
}

bool RowLess::operator()(const Row& left, const Row& right) const {
    for (std::size_t i = 0; i < left.size() && i < right.size(); ++i)
        if (const int order = compareValues(left[i], right[i]); order != 0) return order < 0;
    return left.size() < right.size();
}

const Row* FakeChanges::at(const FakeTable& table, const std::string& name, const Row& key) const {
    if (const auto changed = changed_.find(name); changed != changed_.end())
        if (const auto row = changed->second.find(key); row != changed->second.end()) return row->second ? &*row->second : nullptr;
    const auto row = table.rows.find(key);
    return row == table.rows.end() ? nullptr : &row->second;
}

std::vector<const Row*> FakeChanges::matching(const FakeTable& table, const Op& op) const {
    std::vector<std::pair<std::size_t, const plugin::Where*>> conditions;
    for (const auto& where : op.where) conditions.emplace_back(*table.find(where.column), &where);
    const auto matches = [&](const Row& row) {
        return std::all_of(conditions.begin(), conditions.end(), [&](const auto& one) { return holds(row[one.first], *one.second); });
    };
    const std::string name(op.table);
    Row key;
    for (const auto at : table.key)
        for (const auto& [column, where] : conditions)
            if (column == at && where->compare == Compare::Eq && key.size() < table.key.size() && table.key[key.size()] == at)
                key.push_back(where->values[0]);
    if (key.size() == table.key.size()) {
        const Row* row = at(table, name, key);
        return row && matches(*row) ? std::vector<const Row*>{row} : std::vector<const Row*>{};
    }
    std::vector<const Row*> out;
    const auto changed = changed_.find(name);
    for (const auto& [rowKey, row] : table.rows)
        if ((changed == changed_.end() || !changed->second.contains(rowKey)) && matches(row)) out.push_back(&row);
    if (changed != changed_.end())
        for (const auto& [rowKey, row] : changed->second)
            if (row && matches(*row)) out.push_back(&*row);
    return out;
}

std::vector<Row> FakeChanges::takenBy(const FakeTable& table, const std::string& name, const Row& row) const {
    std::vector<Row> out;
    if (at(table, name, keyOf(table, row))) out.push_back(keyOf(table, row));
    for (const auto& columns : table.unique) {
        Op same;
        same.table = name;
        for (const auto column : columns)
            if (!isNull(row[column])) same.where.push_back({table.columns[column].name, Compare::Eq, {row[column]}});
        if (same.where.size() < columns.size()) continue;
        for (const Row* other : matching(table, same)) out.push_back(keyOf(table, *other));
    }
    return out;
}

void FakeChanges::put(const std::string& name, const Row& key, std::optional<Row> row) {
    auto& changed = changed_[name];
    const auto there = changed.find(key);
    undo_.push_back({name, key, there == changed.end() ? std::nullopt : std::make_optional(there->second)});
    changed[key] = std::move(row);
}

void FakeChanges::undoGroup() {
    for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) {
        if (undo->before)
            changed_[undo->table][undo->key] = std::move(*undo->before);
        else
            changed_[undo->table].erase(undo->key);
    }
    undo_.clear();
}

void FakeChanges::commitTo(FakeTables& tables) && {
    for (auto& [name, changed] : changed_) {
        auto& rows = tables.find(name)->second.rows;
        for (auto& [key, row] : changed) {
            if (row)
                rows.insert_or_assign(key, std::move(*row));
            else
                rows.erase(key);
        }
    }
}

base::Result<OpResult> FakeChanges::run(const Op& op) {
    const auto table = committed_.find(op.table);
    if (table == committed_.end()) return fail(Errc::Invalid, "unknown table " + std::string(op.table));
    if (auto checked = checkShape(table->second, op); !checked.ok()) return checked.error();
    switch (op.code) {
        case Op::Code::Insert: return insert(table->second, op);
        case Op::Code::Update: return update(table->second, op);
        case Op::Code::Remove: return remove(table->second, op);
        case Op::Code::Count: return counted(static_cast<std::int64_t>(matching(table->second, op).size()));
        default: return select(table->second, op);
    }
}

base::Result<OpResult> FakeChanges::insert(const FakeTable& table, const Op& op) {
    Row row;
    for (const auto& column : table.columns) row.push_back(column.otherwise);
    for (const auto& assign : op.set) row[*table.find(assign.column)] = assign.value;
    const std::string name(op.table);
    const auto taken = takenBy(table, name, row);
    if (!taken.empty() && op.onConflict == Op::OnConflict::Ignore) return counted(0);
    if (!taken.empty() && op.onConflict == Op::OnConflict::Fail) return fail(Errc::Exists, "a unique value is taken");
    for (const auto& key : taken) put(name, key, std::nullopt);
    put(name, keyOf(table, row), row);
    return counted(1);
}

base::Result<OpResult> FakeChanges::update(const FakeTable& table, const Op& op) {
    std::vector<Row> before;
    for (const Row* row : matching(table, op)) before.push_back(*row);
    if (auto met = meets(op, static_cast<std::int64_t>(before.size())); !met.ok()) return met.error();
    const std::string name(op.table);
    for (const Row& old : before) {
        Row row = old;
        for (const auto& assign : op.set) {
            Value& value = row[*table.find(assign.column)];
            if (assign.mode == plugin::Assign::Mode::Set) {
                value = assign.value;
            } else if (auto* number = std::get_if<std::int64_t>(&value)) {
                if (__builtin_add_overflow(*number, std::get<std::int64_t>(assign.value), number))
                    return fail(Errc::Invalid, "a sum over 64 bits");
            }
        }
        put(name, keyOf(table, old), std::nullopt);
        if (!takenBy(table, name, row).empty()) return fail(Errc::Exists, "a unique value is taken");
        put(name, keyOf(table, row), row);
    }
    return counted(static_cast<std::int64_t>(before.size()));
}

base::Result<OpResult> FakeChanges::remove(const FakeTable& table, const Op& op) {
    std::vector<Row> keys;
    for (const Row* row : matching(table, op)) keys.push_back(keyOf(table, *row));
    if (auto met = meets(op, static_cast<std::int64_t>(keys.size())); !met.ok()) return met.error();
    for (const auto& key : keys) put(std::string(op.table), key, std::nullopt);
    return counted(static_cast<std::int64_t>(keys.size()));
}

OpResult FakeChanges::select(const FakeTable& table, const Op& op) const {
    std::vector<std::pair<std::size_t, int>> order;
    for (const auto& one : op.order) order.emplace_back(*table.find(one.column), one.descending ? -1 : 1);
    auto found = matching(table, op);
    std::stable_sort(found.begin(), found.end(), [&](const Row* left, const Row* right) {
        for (const auto& [column, sign] : order)
            if (const int by = compareValues((*left)[column], (*right)[column]) * sign; by != 0) return by < 0;
        return false;
    });
    const auto isBehindCursor = [&](const Row& row) {
        for (std::size_t i = 0; i < op.after.size(); ++i)
            if (const int by = compareValues(row[order[i].first], op.after[i]) * order[i].second; by != 0) return by > 0;
        return op.after.empty();
    };
    OpResult result;
    for (const Row* row : found) {
        if (result.rows.size() == op.limit) break;
        if (!isBehindCursor(*row)) continue;
        Row out;
        for (const auto& column : op.columns) out.push_back((*row)[*table.find(column)]);
        result.rows.push_back(std::move(out));
    }
    result.count = static_cast<std::int64_t>(result.rows.size());
    return result;
}

}  // namespace agentidp::tests
