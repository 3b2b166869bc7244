#include "sql/schema.h"

#include <Poco/DigestEngine.h>
#include <Poco/SHA2Engine.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace agentidp::sql {

namespace {

using Json = nlohmann::json;

/// What a malformed schema throws in this file; parseSchema and parseStep turn it into AIP_E_INVALID.
struct Malformed {
    std::string what;
};

std::string nameFrom(const Json& from, const char* member) {
    std::string name = from.value(member, "");
    const bool plain = !name.empty() && name.size() <= 63 && name[0] >= 'a' && name[0] <= 'z' &&
                       name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    if (!plain) throw Malformed{std::string(member) + " is not a plain name"};
    return name;
}

std::string literal(const Json& value, std::uint32_t type) {
    if (type == AIP_V_INT && value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
    if (type == AIP_V_BOOL && value.is_boolean()) return value.get<bool>() ? "1" : "0";
    if ((type == AIP_V_TEXT || type == AIP_V_JSON) && value.is_string()) {
        std::string out = "'";
        for (const char c : value.get<std::string>()) out += c == '\'' ? std::string("''") : std::string(1, c);
        return out + "'";
    }
    throw Malformed{"a default of another type than its column"};
}

Column columnFrom(const Json& from) {
    static const std::map<std::string, std::uint32_t> types{{"bool", AIP_V_BOOL},   {"int", AIP_V_INT},   {"text", AIP_V_TEXT},
                                                            {"bytes", AIP_V_BYTES}, {"time", AIP_V_TIME}, {"json", AIP_V_JSON}};
    Column column;
    column.name = nameFrom(from, "name");
    const auto type = types.find(from.value("type", ""));
    if (type == types.end()) throw Malformed{column.name + " has no known type"};
    column.type = type->second;
    column.nullable = from.value("null", false);
    if (from.contains("default")) column.defaultLiteral = literal(from.at("default"), column.type);
    return column;
}

std::vector<std::string> namesFrom(const Json& from) {
    auto names = from.get<std::vector<std::string>>();
    if (names.empty() || names.size() > 8) throw Malformed{"a key or index of no column, or of more than 8"};
    return names;
}

std::vector<Index> indexesFrom(const Json& from) {
    std::vector<Index> out;
    for (const auto& names : from.value("unique", Json::array())) out.push_back({namesFrom(names), Index::Kind::Unique});
    for (const auto& names : from.value("indexes", Json::array())) out.push_back({namesFrom(names), Index::Kind::Plain});
    return out;
}

std::vector<Column> columnsFrom(const Json& from) {
    std::vector<Column> out;
    for (const auto& column : from) out.push_back(columnFrom(column));
    return out;
}

Step stepFrom(const Json& from) {
    Step step;
    step.number = from.value("number", std::int64_t{0});
    step.name = nameFrom(from, "name");
    for (const auto& table : from.value("tables", Json::array()))
        step.tables.push_back(
            {nameFrom(table, "name"), columnsFrom(table.at("columns")), namesFrom(table.at("primaryKey")), indexesFrom(table)});
    for (const auto& added : from.value("addColumns", Json::array())) {
        step.additions.push_back({nameFrom(added, "table"), columnsFrom(added.at("columns")), {}});
        for (const auto& column : step.additions.back().columns)
            if (!column.nullable && column.defaultLiteral.empty()) throw Malformed{column.name + " is added without null or a default"};
    }
    for (const auto& added : from.value("addIndexes", Json::array()))
        step.additions.push_back({nameFrom(added, "table"), {}, indexesFrom(added)});
    for (const auto& view : from.value("views", Json::array())) step.views.push_back(nameFrom(Json{{"view", view}}, "view"));
    step.text = from.dump();
    Poco::SHA2Engine digest(Poco::SHA2Engine::SHA_256);
    digest.update(step.text);
    step.checksum = Poco::DigestEngine::digestToHex(digest.digest());
    return step;
}

template <class Body>
auto parsed(Body&& body) -> aip::Outcome<decltype(body())> {
    try {
        return body();
    } catch (const Malformed& malformed) {
        return aip::invalid("the schema is malformed", malformed.what);
    } catch (const nlohmann::json::exception& thrown) {
        return aip::invalid("the schema is malformed", thrown.what());
    }
}

bool knowsAll(const Table& table, const std::vector<std::string>& names) {
    return std::all_of(names.begin(), names.end(), [&](const auto& name) { return table.find(name) != nullptr; });
}

}  // namespace

const Column* Table::find(std::string_view column) const {
    for (const auto& one : columns)
        if (one.name == column) return &one;
    return nullptr;
}

const Column* Table::integerKey() const {
    const Column* only = key.size() == 1 ? find(key.front()) : nullptr;
    return only != nullptr && only->type == AIP_V_INT ? only : nullptr;
}

aip::Outcome<std::vector<Step>> parseSchema(std::string_view schemaJson) {
    return parsed([&] {
        const Json schema = Json::parse(schemaJson);
        std::vector<Step> steps;
        Catalog whole;
        for (const auto& from : schema.at("steps")) {
            steps.push_back(stepFrom(from));
            if (steps.back().number != static_cast<std::int64_t>(steps.size())) throw Malformed{"steps are not numbered 1, 2, 3, ..."};
            if (const auto added = whole.add(steps.back()); !added) throw Malformed{added.fail().detail};
        }
        return steps;
    });
}

aip::Outcome<Step> parseStep(std::string_view stepJson) {
    return parsed([&] { return stepFrom(Json::parse(stepJson)); });
}

aip::Status Catalog::add(const Step& step) {
    const auto refuse = [](const std::string& what) { return aip::invalid("the schema is malformed", what); };
    for (const auto& table : step.tables) {
        if (!knowsAll(table, table.key)) return refuse(table.name + " has an unknown key column");
        for (const auto& index : table.indexes)
            if (!knowsAll(table, index.columns)) return refuse(table.name + " has an index of an unknown column");
        if (!tables_.emplace(table.name, table).second) return refuse(table.name + " exists twice");
    }
    for (const auto& addition : step.additions) {
        const auto at = tables_.find(addition.table);
        if (at == tables_.end()) return refuse(addition.table + " is added to, and does not exist");
        Table& table = at->second;
        for (const auto& column : addition.columns) {
            if (table.find(column.name) != nullptr) return refuse(column.name + " exists twice");
            table.columns.push_back(column);
        }
        for (const auto& index : addition.indexes) {
            if (!knowsAll(table, index.columns)) return refuse(table.name + " has an index of an unknown column");
            table.indexes.push_back(index);
        }
    }
    return {};
}

const Table* Catalog::find(std::string_view table) const {
    const auto at = tables_.find(table);
    return at == tables_.end() ? nullptr : &at->second;
}

}  // namespace agentidp::sql
