#include "sql/shape.h"

namespace agentidp::sql {

namespace {

constexpr std::size_t kMaxAssigns = 64, kMaxConditions = 16, kMaxColumns = 64, kMaxOrder = 2, kMaxListed = 1'000;
constexpr std::uint32_t kMaxLimit = 10'000;

constexpr std::size_t kMaxName = 255;

bool isName(aip_str text) { return text.p != nullptr && text.n != 0 && text.n <= kMaxName; }
bool isValue(const aip_value& value) { return value.type <= AIP_V_JSON && (value.s.p != nullptr || value.s.n == 0); }

void append(std::string& out, std::size_t number) {
    out.push_back(static_cast<char>(number));
    out.push_back(static_cast<char>(number >> 8U));
}

void append(std::string& out, aip_str name) {
    append(out, name.n);
    out.append(name.p, name.n);
}

std::size_t leastValues(std::uint32_t compare) { return compare == AIP_NULL || compare == AIP_NOTNULL ? 0 : 1; }

}  // namespace

std::size_t paddedCount(std::size_t values) {
    std::size_t padded = 1;
    while (padded < values) padded *= 2;
    return padded;
}

aip::Status checkBounds(const aip_op& op) {
    const bool writes = op.code == AIP_OP_INSERT || op.code == AIP_OP_UPDATE;
    if (!isName(op.table)) return aip::invalid("an operation without a table");
    if (op.set_n > kMaxAssigns || (writes && op.set_n == 0)) return aip::invalid("no assignment, or more than 64");
    if (op.where_n > kMaxConditions) return aip::invalid("more than 16 conditions");
    if (op.columns_n > kMaxColumns || (op.code == AIP_OP_SELECT && op.columns_n == 0)) return aip::invalid("no column, or more than 64");
    if (op.order_n > kMaxOrder) return aip::invalid("order by more than two columns");
    if (op.after_n != 0 && op.after_n != op.order_n) return aip::invalid("a cursor of another length than its order");
    if (op.code == AIP_OP_SELECT && (op.limit == 0 || op.limit > kMaxLimit)) return aip::invalid("a limit is 1 to 10,000");
    if (op.on_conflict > AIP_CONFLICT_REPLACE) return aip::invalid("an unknown answer to a conflict");
    bool wellFormed = true;
    for (std::size_t i = 0; i < op.set_n; ++i)
        wellFormed &= isName(op.set[i].column) && op.set[i].mode <= AIP_ADD && isValue(op.set[i].value);
    for (std::size_t i = 0; i < op.columns_n; ++i) wellFormed &= isName(op.columns[i]);
    for (std::size_t i = 0; i < op.order_n; ++i) wellFormed &= isName(op.order[i].column);
    for (std::size_t i = 0; i < op.after_n; ++i) wellFormed &= isValue(op.after[i]);
    for (std::size_t i = 0; i < op.where_n; ++i) {
        const aip_where& where = op.where[i];
        wellFormed &= isName(where.column) && where.compare <= AIP_PREFIX;
        const std::size_t least = leastValues(where.compare);
        if (where.values_n < least || where.values_n > (where.compare == AIP_IN ? kMaxListed : least))
            return aip::invalid("another number of values than the comparison takes");
        for (std::size_t k = 0; k < where.values_n; ++k)
            wellFormed &= isValue(where.values[k]) && where.values[k].type == where.values[0].type;
    }
    if (!wellFormed) return aip::invalid("a name, a value or a condition of no known form");
    return {};
}

void shapeOf(const aip_op& op, std::string& out) {
    out.clear();
    append(out, op.code << 4U | op.on_conflict);
    append(out, op.set_n << 8U | op.where_n);
    append(out, op.table);
    for (std::size_t i = 0; i < op.set_n; ++i) {
        append(out, op.set[i].mode << 4U | op.set[i].value.type);
        append(out, op.set[i].column);
    }
    for (std::size_t i = 0; i < op.where_n; ++i) {
        const aip_where& where = op.where[i];
        append(out, where.compare << 4U | (where.values_n == 0 ? 0U : where.values[0].type));
        append(out, where.compare == AIP_IN ? paddedCount(where.values_n) : std::size_t{0});
        append(out, where.column);
    }
    if (op.code != AIP_OP_SELECT) return;
    append(out, op.columns_n << 8U | op.order_n << 4U | op.after_n);
    for (std::size_t i = 0; i < op.columns_n; ++i) append(out, op.columns[i]);
    for (std::size_t i = 0; i < op.order_n; ++i) {
        append(out, (op.order[i].descending != 0 ? 16U : 0U) | (i < op.after_n ? op.after[i].type : 0U));
        append(out, op.order[i].column);
    }
}

}  // namespace agentidp::sql
