#include "sql/plan.h"

#include <cstring>

#include "sql/shape.h"

namespace agentidp::sql {

namespace {

using aip::view;

/// Builds one plan. A refusal is remembered; the text is thrown away then.
class Builder {
public:
    Builder(const aip_op& op, const Table& table, const Dialect& dialect) : op_(op), table_(table), dialect_(dialect) {}

    aip::Outcome<Plan> build() {
        switch (op_.code) {
            case AIP_OP_INSERT: insert(); break;
            case AIP_OP_UPDATE: update(); break;
            case AIP_OP_REMOVE: remove(); break;
            case AIP_OP_SELECT: select(); break;
            case AIP_OP_COUNT: count(); break;
            default: refuse("an unknown operation"); break;
        }
        if (!refusal_.empty()) return aip::invalid("the operation does not fit the schema", refusal_);
        return std::move(plan_);
    }

private:
    std::string& out() { return plan_.sql; }

    void refuse(std::string_view what, std::string_view name = {}) {
        if (refusal_.empty()) refusal_ = table_.name + ": " + std::string(what) + (name.empty() ? "" : " " + std::string(name));
    }

    const Column* column(std::string_view name) {
        const Column* found = table_.find(name);
        if (found == nullptr) refuse("unknown column", name);
        return found;
    }

    std::size_t bind(Bind::From from, std::size_t at = 0, std::size_t item = 0) {
        plan_.binds.push_back({from, static_cast<std::uint16_t>(at), static_cast<std::uint16_t>(item)});
        return plan_.binds.size();
    }

    void insert() {
        dialect_.insertHead(out(), op_.on_conflict);
        dialect_.table(out(), table_.name);
        std::string values;
        std::vector<Dialect::Assigned> assigned;
        for (std::size_t i = 0; i < op_.set_n; ++i) {
            checkAssign(i);
            out() += i == 0 ? " (" : ", ";
            dialect_.quoted(out(), view(op_.set[i].column));
            values += i == 0 ? "" : ", ";
            assigned.push_back({view(op_.set[i].column), bind(Bind::From::Set, i)});
            dialect_.placeholder(values, assigned.back().parameter);
        }
        if (op_.on_conflict == AIP_CONFLICT_REPLACE) plan_.before = dialect_.clearing(table_, assigned);
        out().append(") VALUES (").append(values).append(")");
        dialect_.insertTail(out(), table_, op_.on_conflict);
        for (const auto& one : table_.columns)
            if (!one.nullable && one.defaultLiteral.empty() && !assigns(one.name)) refuse("no value for", one.name);
    }

    void update() {
        out() += "UPDATE ";
        dialect_.table(out(), table_.name);
        for (std::size_t i = 0; i < op_.set_n; ++i) {
            checkAssign(i);
            out() += i == 0 ? " SET " : ", ";
            dialect_.quoted(out(), view(op_.set[i].column));
            out() += " = ";
            if (op_.set[i].mode == AIP_ADD) {
                dialect_.quoted(out(), view(op_.set[i].column));
                out() += " + ";
            }
            dialect_.placeholder(out(), bind(Bind::From::Set, i));
        }
        where();
    }

    void remove() {
        out() += "DELETE FROM ";
        dialect_.table(out(), table_.name);
        where();
    }

    void count() {
        out() += "SELECT count(*) FROM ";
        dialect_.table(out(), table_.name);
        where();
    }

    void select() {
        for (std::size_t i = 0; i < op_.columns_n; ++i) {
            out() += i == 0 ? "SELECT " : ", ";
            dialect_.quoted(out(), view(op_.columns[i]));
            const Column* found = column(view(op_.columns[i]));
            plan_.columnTypes.push_back(found != nullptr ? found->type : std::uint32_t{AIP_V_NULL});
        }
        out() += " FROM ";
        dialect_.table(out(), table_.name);
        where();
        after();
        for (std::size_t i = 0; i < op_.order_n; ++i) {
            out() += i == 0 ? " ORDER BY " : ", ";
            dialect_.quoted(out(), view(op_.order[i].column));
            if (const Column* target = table_.find(view(op_.order[i].column)))
                dialect_.direction(out(), *target, op_.order[i].descending != 0);
        }
        out() += " LIMIT ";
        dialect_.placeholder(out(), bind(Bind::From::Limit));
    }

    bool assigns(std::string_view name) const {
        for (std::size_t i = 0; i < op_.set_n; ++i)
            if (view(op_.set[i].column) == name) return true;
        return false;
    }

    void checkAssign(std::size_t i) {
        const aip_assign& assign = op_.set[i];
        const Column* target = column(view(assign.column));
        if (target == nullptr) return;
        for (std::size_t k = 0; k < i; ++k)
            if (view(op_.set[k].column) == target->name) refuse("assigned twice:", target->name);
        if (assign.mode > AIP_ADD) refuse("an unknown mode of assignment");
        if (assign.mode == AIP_ADD && (op_.code == AIP_OP_INSERT || target->type != AIP_V_INT || assign.value.type != AIP_V_INT))
            refuse("only integers are added, and only by an update:", target->name);
        if (assign.value.type == AIP_V_NULL ? !target->nullable : assign.value.type != target->type)
            refuse("a value of another type for", target->name);
    }

    void where() {
        for (std::size_t i = 0; i < op_.where_n; ++i) {
            conjunction();
            condition(i);
        }
    }

    void conjunction() { out() += std::exchange(conditions_, conditions_ + 1) == 0 ? " WHERE " : " AND "; }

    void condition(std::size_t i) {
        static constexpr std::string_view kOperators[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
        const aip_where& where = op_.where[i];
        const std::string_view name = view(where.column);
        const Column* target = column(name);
        if (target == nullptr) return;
        if (where.values_n != 0 && (where.values[0].type != target->type || target->type == AIP_V_JSON)) refuse("not comparable:", name);
        if (where.compare == AIP_PREFIX) {
            if (target->type != AIP_V_TEXT) refuse("a prefix of what is not text:", name);
            const std::size_t from = bind(Bind::From::Where, i);
            dialect_.prefix(out(), name, from, bind(Bind::From::PrefixEnd, i));
        } else if (where.compare == AIP_IN) {
            const std::size_t padded = paddedCount(where.values_n);
            const std::size_t first = bind(Bind::From::Where, i);
            for (std::size_t k = 1; k < padded; ++k) bind(Bind::From::Where, i, k);
            dialect_.oneOf(out(), name, first, padded);
        } else {
            dialect_.quoted(out(), name);
            if (where.compare == AIP_NULL || where.compare == AIP_NOTNULL) {
                out() += where.compare == AIP_NULL ? " IS NULL" : " IS NOT NULL";
            } else {
                out() += kOperators[where.compare];
                dialect_.placeholder(out(), bind(Bind::From::Where, i));
            }
        }
    }

    /// Rows behind the cursor: (a, b) > (x, y) where both go the same way, which an index on (a, b) serves; otherwise
    /// a >= x AND (a > x OR b < y).
    void after() {
        for (std::size_t i = 0; i < op_.order_n; ++i) {
            const Column* target = column(view(op_.order[i].column));
            if (target == nullptr) return;
            if (target->type == AIP_V_JSON) refuse("JSON has no order:", target->name);
            if (op_.after_n != 0 && op_.after[i].type != target->type) refuse("a cursor of another type for", target->name);
        }
        if (op_.after_n == 0) return;
        conjunction();
        const auto name = [&](std::size_t i) { dialect_.quoted(out(), view(op_.order[i].column)); };
        const auto beyond = [&](std::size_t i) { return op_.order[i].descending != 0 ? " < " : " > "; };
        const std::size_t first = bind(Bind::From::After, 0);
        if (op_.after_n == 1) {
            name(0);
            out() += beyond(0);
            dialect_.placeholder(out(), first);
            return;
        }
        const std::size_t second = bind(Bind::From::After, 1);
        if ((op_.order[0].descending != 0) == (op_.order[1].descending != 0)) {
            out() += "(";
            name(0);
            out() += ", ";
            name(1);
            out().append(")").append(beyond(0)).append("(");
            dialect_.placeholder(out(), first);
            out() += ", ";
            dialect_.placeholder(out(), second);
            out() += ")";
            return;
        }
        name(0);
        out() += op_.order[0].descending != 0 ? " <= " : " >= ";
        dialect_.placeholder(out(), first);
        out() += " AND (";
        name(0);
        out() += beyond(0);
        dialect_.placeholder(out(), first);
        out() += " OR ";
        name(1);
        out() += beyond(1);
        dialect_.placeholder(out(), second);
        out() += ")";
    }

    const aip_op& op_;
    const Table& table_;
    const Dialect& dialect_;
    Plan plan_;
    std::size_t conditions_ = 0;
    std::string refusal_;
};

/// RFC 3629, without NUL.
bool isText(std::string_view text) {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    const auto* end = at + text.size();
    if (text.empty()) return true;
    if (std::memchr(at, 0, text.size()) != nullptr) return false;
    while (at < end) {
        if (end - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, sizeof word);
            if ((word & 0x8080808080808080U) == 0) {
                at += sizeof word;
                continue;
            }
        }
        if (*at < 0x80) {
            ++at;
            continue;
        }
        const unsigned char lead = *at;
        const std::ptrdiff_t length =
            lead >= 0xF0 && lead < 0xF5 ? 4 : (lead >= 0xE0 && lead < 0xF0 ? 3 : (lead >= 0xC2 && lead < 0xE0 ? 2 : 0));
        if (length == 0 || end - at < length) return false;
        for (std::ptrdiff_t i = 1; i < length; ++i)
            if ((at[i] & 0xC0U) != 0x80) return false;
        if ((lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] > 0x9F) || (lead == 0xF0 && at[1] < 0x90) ||
            (lead == 0xF4 && at[1] > 0x8F))
            return false;
        at += length;
    }
    return true;
}

}  // namespace

aip::Outcome<Plan> planOf(const aip_op& op, const Catalog& catalog, const Dialect& dialect) {
    const Table* table = catalog.find(view(op.table));
    if (table == nullptr) return aip::invalid("the operation does not fit the schema", "unknown table " + std::string(view(op.table)));
    return Builder(op, *table, dialect).build();
}

bool wellFormed(const aip_value& value) {
    if (value.type == AIP_V_TEXT || value.type == AIP_V_JSON) return isText(view(value.s));
    return value.type != AIP_V_BOOL || value.i == 0 || value.i == 1;
}

bool endOfPrefix(std::string_view prefix, std::string& out) {
    out.assign(prefix);
    while (!out.empty() && static_cast<unsigned char>(out.back()) == 0xFF) out.pop_back();
    if (out.empty()) return false;
    out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) + 1);
    return true;
}

}  // namespace agentidp::sql
