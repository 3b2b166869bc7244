#pragma once
/// @file plugins/sql/dialect.h
/// What differs between the SQL of two databases. Everything appends to `out`. Stateless; any thread.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sql/schema.h"

namespace agentidp::sql {

class Dialect {
public:
    virtual ~Dialect() = default;

    /// As the standard quotes a name.
    static void quoted(std::string& out, std::string_view name);
    /// A table wherever a statement names one, qualified where the database needs it.
    virtual void table(std::string& out, std::string_view name) const { quoted(out, name); }
    /// The n-th parameter of a statement, from 1; the same one may appear twice.
    virtual void placeholder(std::string& out, std::size_t n) const = 0;

    /// `INSERT ... VALUES (...)` is completed by these two. `conflict` is AIP_CONFLICT_*.
    virtual void insertHead(std::string& out, std::uint32_t conflict) const = 0;
    virtual void insertTail(std::string& out, const Table& table, std::uint32_t conflict) const = 0;
    /// A column that an insert assigns, and its parameter.
    struct Assigned {
        std::string_view column;
        std::size_t parameter;
    };
    /// For AIP_CONFLICT_REPLACE: the statement that runs before the insert, with the same parameters, and removes the rows that hold its
    /// unique values. Empty where the insert does it itself.
    [[nodiscard]] virtual std::string clearing(const Table& /*table*/, const std::vector<Assigned>& /*assigned*/) const { return {}; }
    /// True for the bytes between parameter `from`, inclusive, and parameter `end`, exclusive. Both are bound: see Bind::PrefixEnd.
    virtual void prefix(std::string& out, std::string_view column, std::size_t from, std::size_t end) const = 0;
    /// One of `count` parameters that begin at `first`.
    void oneOf(std::string& out, std::string_view column, std::size_t first, std::size_t count) const;
    /// Behind a column of ORDER BY, so that nulls come first ascending and last descending.
    virtual void direction(std::string& out, const Column& column, bool descending) const = 0;

    /// Name, type and constraints of a column, as in CREATE TABLE.
    virtual void column(std::string& out, const Table& table, const Column& column) const = 0;
    /// Behind the last column of CREATE TABLE, from the key to what follows the parenthesis.
    virtual void tableTail(std::string& out, const Table& table) const = 0;
    /// The columns an index really needs.
    [[nodiscard]] virtual std::vector<std::string> indexColumns(const Table& /*table*/, const Index& index) const { return index.columns; }
    /// Behind a column of an index, so that it serves the order that `direction` asks for.
    virtual void indexed(std::string& /*out*/, const Column& /*column*/) const {}
    /// The query behind a view of the schema, or nothing where this database has none of that name.
    [[nodiscard]] virtual std::string view(std::string_view name) const = 0;
    /// The statements that make the record of applied steps, and what it stands in.
    [[nodiscard]] virtual std::vector<std::string> bookkeeping() const = 0;
};

}  // namespace agentidp::sql
