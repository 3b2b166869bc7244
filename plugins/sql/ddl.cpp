#include "sql/ddl.h"

namespace agentidp::sql {

namespace {

std::string createTable(const Table& table, const Dialect& dialect) {
    std::string out = "CREATE TABLE ";
    dialect.table(out, table.name);
    out += " (";
    for (const auto& column : table.columns) {
        out += &column == &table.columns.front() ? "\n    " : ",\n    ";
        dialect.column(out, table, column);
    }
    dialect.tableTail(out, table);
    return out;
}

std::string createIndex(const Table& table, const Index& index, const Dialect& dialect) {
    const bool unique = index.kind == Index::Kind::Unique;
    std::string name = table.name + (unique ? "_unique" : "_by");
    std::string columns;
    for (const auto& column : index.columns) name += "_" + column;
    for (const auto& column : dialect.indexColumns(table, index)) {
        if (!columns.empty()) columns += ", ";
        dialect.quoted(columns, column);
        if (const Column* known = table.find(column)) dialect.indexed(columns, *known);
    }
    std::string out = unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
    dialect.quoted(out, name);
    out += " ON ";
    dialect.table(out, table.name);
    return out + " (" + columns + ")";
}

}  // namespace

std::vector<std::string> statementsOf(const Step& step, const Catalog& before, const Dialect& dialect) {
    std::vector<std::string> out;
    if (step.number == 1) out = dialect.bookkeeping();
    for (const auto& table : step.tables) {
        out.push_back(createTable(table, dialect));
        for (const auto& index : table.indexes) out.push_back(createIndex(table, index, dialect));
    }
    Catalog after = before;
    if (!after.add(step)) return out;
    for (const auto& addition : step.additions) {
        const Table* table = after.find(addition.table);
        for (const auto& column : addition.columns) {
            std::string alter = "ALTER TABLE ";
            dialect.table(alter, addition.table);
            alter += " ADD COLUMN ";
            dialect.column(alter, *table, column);
            out.push_back(std::move(alter));
        }
        for (const auto& index : addition.indexes) out.push_back(createIndex(*table, index, dialect));
    }
    for (const auto& view : step.views) {
        const std::string query = dialect.view(view);
        if (query.empty()) continue;
        std::string create = "CREATE VIEW ";
        dialect.table(create, view);
        out.push_back(create + " AS\n" + query);
    }
    return out;
}

std::string asFile(const std::vector<std::string>& statements) {
    std::string out;
    for (const auto& statement : statements) out += statement + ";\n";
    return out;
}

}  // namespace agentidp::sql
