#pragma once
/// @file plugins/sql/plan.h
/// From an operation to SQL text and the list of what is bound to it. Checks the operation against the schema: types, names,
/// nulls. Everything it looks at is part of the shape, so a plan holds for every operation of that shape.
#include <agentidp/cpp/storage_values.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sql/dialect.h"

namespace agentidp::sql {

/// Where the n-th parameter's value comes from.
struct Bind {
    enum class From : std::uint8_t {
        Set,        ///< op.set[at].value
        Where,      ///< op.where[at].values[item]; the last one again where the list is shorter
        PrefixEnd,  ///< the end of the range that op.where[at].values[0] begins, see endOfPrefix
        After,      ///< op.after[at]
        Limit       ///< op.limit
    };
    From from;
    std::uint16_t at = 0;
    std::uint16_t item = 0;
};

struct Plan {
    std::string before;  ///< runs first, with the same binds, and answers nothing; mostly empty
    std::string sql;
    std::vector<Bind> binds;
    std::vector<std::uint32_t> columnTypes;  ///< AIP_V_* of the answer's columns
};

/// INSERT, UPDATE, REMOVE, SELECT or COUNT that passed checkBounds. AIP_E_INVALID where the schema has no such thing.
[[nodiscard]] aip::Outcome<Plan> planOf(const aip_op& op, const Catalog& catalog, const Dialect& dialect);

/// The value behind a bind that is not Limit or PrefixEnd.
[[nodiscard]] inline const aip_value& valueOf(const aip_op& op, const Bind& bind) {
    if (bind.from == Bind::From::Set) return op.set[bind.at].value;
    if (bind.from == Bind::From::After) return op.after[bind.at];
    const aip_where& where = op.where[bind.at];
    return where.values[bind.item < where.values_n ? bind.item : where.values_n - 1];
}

/// What no shape can tell of a value: text is UTF-8 without NUL, a boolean is 0 or 1.
[[nodiscard]] bool wellFormed(const aip_value& value);

/// The smallest byte string that is above every string with this prefix. False where there is none (an empty prefix).
[[nodiscard]] bool endOfPrefix(std::string_view prefix, std::string& out);

}  // namespace agentidp::sql
