#pragma once
/// @file plugins/sql/schema.h
/// The schema as data (migrations/schema.json), as the SQL storages see it: steps to apply, and the catalog of tables that
/// the applied steps add up to. Any thread; nothing here changes after it was made, but a Catalog while it is being built.
///
/// A step: {"number", "name", "tables": [{"name", "columns": [{"name", "type", "null", "default"}], "primaryKey": [..],
/// "unique": [[..]], "indexes": [[..]]}], "addColumns": [{"table", "columns": [..]}], "addIndexes": [{"table", "unique",
/// "indexes"}], "views": [names]}. An added column is nullable or has a default. Names are [a-z][a-z0-9_]*. Views are for people and
/// their tools: the kernel reads none, and a storage makes those it has SQL for (Dialect::view).
#include <agentidp/cpp/outcome.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::sql {

struct Column {
    std::string name;
    std::uint32_t type = AIP_V_NULL;  ///< AIP_V_*
    bool nullable = false;
    std::string defaultLiteral;  ///< SQL, or empty
};

struct Index {
    std::vector<std::string> columns;
    enum class Kind { Unique, Plain } kind = Kind::Plain;
};

struct Table {
    std::string name;
    std::vector<Column> columns;
    std::vector<std::string> key;
    std::vector<Index> indexes;

    [[nodiscard]] const Column* find(std::string_view column) const;
    /// The one integer column that is the whole key, or null.
    [[nodiscard]] const Column* integerKey() const;
};

struct Addition {
    std::string table;
    std::vector<Column> columns;
    std::vector<Index> indexes;
};

struct Step {
    std::int64_t number = 0;
    std::string name;
    std::vector<Table> tables;
    std::vector<Addition> additions;
    std::vector<std::string> views;
    std::string text;      ///< canonical JSON: members sorted, no white space
    std::string checksum;  ///< SHA-256 of `text`, hexadecimal
};

/// All steps, numbered 1, 2, 3, ... AIP_E_INVALID says what is wrong.
[[nodiscard]] aip::Outcome<std::vector<Step>> parseSchema(std::string_view schemaJson);
/// One step from its canonical text.
[[nodiscard]] aip::Outcome<Step> parseStep(std::string_view stepJson);

class Catalog {
public:
    /// AIP_E_INVALID where the step does not fit what is there; the catalog is not to be used then.
    aip::Status add(const Step& step);
    [[nodiscard]] const Table* find(std::string_view table) const;
    [[nodiscard]] const std::map<std::string, Table, std::less<>>& tables() const { return tables_; }

private:
    std::map<std::string, Table, std::less<>> tables_;
};

}  // namespace agentidp::sql
