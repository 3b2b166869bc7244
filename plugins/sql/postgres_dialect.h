#pragma once
/// @file plugins/sql/postgres_dialect.h
/// PostgreSQL 14 and later, and what speaks its protocol and SQL: names qualified by one schema (no search_path, which a pooler
/// between us may lose), text in bytewise order (COLLATE "C"), real booleans, times and jsonb.
#include "sql/dialect.h"

namespace agentidp::sql {

class PostgresDialect final : public Dialect {
public:
    /// `schema`: where our tables live; a name as migrations/schema.json allows them.
    explicit PostgresDialect(std::string schema) : schema_(std::move(schema)) {}

    void table(std::string& out, std::string_view name) const override;
    void placeholder(std::string& out, std::size_t n) const override;
    void insertHead(std::string& out, std::uint32_t conflict) const override;
    void insertTail(std::string& out, const Table& table, std::uint32_t conflict) const override;
    [[nodiscard]] std::string clearing(const Table& table, const std::vector<Assigned>& assigned) const override;
    void prefix(std::string& out, std::string_view column, std::size_t from, std::size_t end) const override;
    void direction(std::string& out, const Column& column, bool descending) const override;
    void column(std::string& out, const Table& table, const Column& column) const override;
    void tableTail(std::string& out, const Table& table) const override;
    void indexed(std::string& out, const Column& column) const override;
    [[nodiscard]] std::string view(std::string_view name) const override;
    [[nodiscard]] std::vector<std::string> bookkeeping() const override;

private:
    std::string schema_;
};

}  // namespace agentidp::sql
