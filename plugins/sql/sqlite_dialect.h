#pragma once
/// @file plugins/sql/sqlite_dialect.h
/// SQLite 3.37 and later: STRICT tables, times as integer microseconds, booleans as 0 and 1, JSON as checked text.
#include "sql/dialect.h"

namespace agentidp::sql {

class SqliteDialect final : public Dialect {
public:
    void placeholder(std::string& out, std::size_t n) const override;
    void insertHead(std::string& out, std::uint32_t conflict) const override;
    void insertTail(std::string& out, const Table& table, std::uint32_t conflict) const override;
    void prefix(std::string& out, std::string_view column, std::size_t from, std::size_t end) const override;
    void direction(std::string& out, const Column& column, bool descending) const override;
    void column(std::string& out, const Table& table, const Column& column) const override;
    void tableTail(std::string& out, const Table& table) const override;
    [[nodiscard]] std::vector<std::string> indexColumns(const Table& table, const Index& index) const override;
    [[nodiscard]] std::string view(std::string_view name) const override;
    [[nodiscard]] std::vector<std::string> bookkeeping() const override;
};

}  // namespace agentidp::sql
