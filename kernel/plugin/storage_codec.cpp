#include "plugin/storage_codec.h"

#include <cstring>
#include <new>

#include "base/text.h"
#include "plugin/instance.h"

namespace agentidp::plugin {
namespace {

// The enumerations of storage.h are those of plugin.h in the same order, so that encoding is a cast.
static_assert(static_cast<int>(Op::Code::Insert) + 1 == AIP_OP_INSERT && static_cast<int>(Op::Code::Now) + 1 == AIP_OP_NOW);
static_assert(static_cast<int>(Op::Code::Select) + 1 == AIP_OP_SELECT && static_cast<int>(Op::Code::Savepoint) + 1 == AIP_OP_SAVEPOINT);
static_assert(static_cast<int>(Compare::Eq) == AIP_EQ && static_cast<int>(Compare::Ge) == AIP_GE &&
              static_cast<int>(Compare::In) == AIP_IN);
static_assert(static_cast<int>(Compare::IsNull) == AIP_NULL && static_cast<int>(Compare::Prefix) == AIP_PREFIX);
static_assert(static_cast<int>(Op::OnConflict::Replace) == AIP_CONFLICT_REPLACE && static_cast<int>(Assign::Mode::Add) == AIP_ADD);

struct Sizes {
    std::size_t assigns = 0, wheres = 0, values = 0, columns = 0, orders = 0, text = 0;
};

std::size_t textOf(const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return text->size();
    if (const auto* bytes = std::get_if<base::Bytes>(&value)) return bytes->size();
    if (const auto* json = std::get_if<JsonText>(&value)) return json->text.size();
    return 0;
}

Sizes measure(const std::vector<Op>& ops) {
    Sizes total;
    for (const auto& op : ops) {
        total.assigns += op.set.size();
        total.wheres += op.where.size();
        total.values += op.after.size();
        total.columns += op.columns.size();
        total.orders += op.order.size();
        total.text += op.table.size();
        for (const auto& one : op.set) total.text += one.column.size() + textOf(one.value);
        for (const auto& one : op.where) {
            total.values += one.values.size();
            total.text += one.column.size();
            for (const auto& value : one.values) total.text += textOf(value);
        }
        for (const auto& column : op.columns) total.text += column.size();
        for (const auto& one : op.order) total.text += one.column.size();
        for (const auto& value : op.after) total.text += textOf(value);
    }
    return total;
}

/// Hands out parts of one block.
class Encoder {
public:
    Encoder(Frame& frame, const std::vector<Op>& ops) {
        const Sizes sizes = measure(ops);
        std::byte* at = frame.block(ops.size() * sizeof(aip_op) + sizes.assigns * sizeof(aip_assign) + sizes.wheres * sizeof(aip_where) +
                                    sizes.values * sizeof(aip_value) + sizes.columns * sizeof(aip_str) + sizes.orders * sizeof(aip_order) +
                                    (frame.copies() ? sizes.text : 0));
        const auto part = [&at](auto*& array, std::size_t count) {
            array = reinterpret_cast<std::remove_reference_t<decltype(array)>>(at);
            at += count * sizeof *array;
        };
        part(ops_, ops.size());
        part(assigns_, sizes.assigns);
        part(wheres_, sizes.wheres);
        part(values_, sizes.values);
        part(columns_, sizes.columns);
        part(orders_, sizes.orders);
        text_ = frame.copies() ? reinterpret_cast<char*>(at) : nullptr;
    }

    const aip_op* run(const std::vector<Op>& ops) {
        aip_op* next = ops_;
        for (const auto& op : ops) one(op, *new (next++) aip_op{});
        return ops_;
    }

private:
    void one(const Op& op, aip_op& out) {
        out.size = sizeof out;
        out.code = static_cast<std::uint32_t>(op.code) + 1;
        out.table = text(op.table);
        out.set = assigns_;
        out.set_n = op.set.size();
        for (const auto& assign : op.set)
            new (assigns_++) aip_assign{text(assign.column), static_cast<std::uint32_t>(assign.mode), 0, value(assign.value)};
        out.where = wheres_;
        out.where_n = op.where.size();
        for (const auto& where : op.where) {
            new (wheres_++) aip_where{text(where.column), static_cast<std::uint32_t>(where.compare),
                                      static_cast<std::uint32_t>(where.values.size()), values_};
            for (const auto& one : where.values) new (values_++) aip_value(value(one));
        }
        out.columns = columns_;
        out.columns_n = op.columns.size();
        for (const auto& column : op.columns) new (columns_++) aip_str(text(column));
        out.order = orders_;
        out.order_n = op.order.size();
        for (const auto& order : op.order) new (orders_++) aip_order{text(order.column), order.descending ? 1U : 0U, 0};
        out.after = values_;
        out.after_n = op.after.size();
        for (const auto& one : op.after) new (values_++) aip_value(value(one));
        out.limit = op.limit;
        out.on_conflict = static_cast<std::uint32_t>(op.onConflict);
        out.expect = op.expect;
    }
    aip_str text(std::string_view from) {
        if (text_ == nullptr || from.empty()) return {from.data(), from.size()};
        std::memcpy(text_, from.data(), from.size());
        const aip_str kept{text_, from.size()};
        text_ += from.size();
        return kept;
    }
    aip_value value(const Value& from) {
        switch (from.index()) {
            case 1: return {AIP_V_BOOL, 0, *std::get_if<bool>(&from) ? 1 : 0, {}};
            case 2: return {AIP_V_INT, 0, *std::get_if<std::int64_t>(&from), {}};
            case 3: return {AIP_V_TEXT, 0, 0, text(*std::get_if<std::string>(&from))};
            case 4: return {AIP_V_BYTES, 0, 0, text(base::textOf(*std::get_if<base::Bytes>(&from)))};
            case 5: return {AIP_V_TIME, 0, base::microsOf(*std::get_if<base::Instant>(&from)), {}};
            case 6: return {AIP_V_JSON, 0, 0, text(std::get_if<JsonText>(&from)->text)};
            default: return {AIP_V_NULL, 0, 0, {}};
        }
    }

    aip_op* ops_;
    aip_assign* assigns_;
    aip_where* wheres_;
    aip_value* values_;
    aip_str* columns_;
    aip_order* orders_;
    char* text_;
};

base::Error broken(std::string why) { return base::fail(base::Errc::Internal, std::move(why)); }

class Decoder {
public:
    explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

    base::Result<OpResult> one(const Op& op) {
        std::int32_t status = 0;
        OpResult result;
        std::uint32_t rows = 0;
        std::uint32_t columns = 0;
        if (!take(status) || !take(result.count) || !take(rows) || !take(columns)) return broken("a record is cut off");
        if (result.count < 0) return broken("a record counts below zero");
        result.ok = status == AIP_OK;
        if (!result.ok) {
            result.error = Instance::errcOf(status);
            result.skipped = status == AIP_E_CANCELLED;
        }
        const bool reads = result.ok && (op.code == Op::Code::Select || op.code == Op::Code::Now);
        if (!reads) return rows == 0 ? base::Result<OpResult>(std::move(result)) : broken("a record has rows that nothing asked for");
        const bool now = op.code == Op::Code::Now;
        if (now ? rows != 1 : rows > op.limit) return broken("a record has " + std::to_string(rows) + " rows");
        if (rows != 0 && columns != (now ? 1 : op.columns.size())) return broken("a record has " + std::to_string(columns) + " columns");
        if (!now && result.count != static_cast<std::int64_t>(rows)) return broken("a record's count is not its number of rows");
        // Every value takes a byte at least: what cannot be there is not allocated for.
        if (std::uint64_t{rows} * columns > bytes_.size()) return broken("a record is cut off");
        result.rows.reserve(rows);
        for (std::uint32_t r = 0; r < rows; ++r) {
            Row& row = result.rows.emplace_back();
            row.reserve(columns);
            for (std::uint32_t c = 0; c < columns; ++c)
                if (const char* wrong = value(row)) return broken(wrong);
        }
        if (now && !std::holds_alternative<base::Instant>(result.rows[0][0])) return broken("the clock's answer is no time");
        return result;
    }
    [[nodiscard]] bool atEnd() const { return bytes_.empty(); }

private:
    template <class T>
    bool take(T& out) {
        if (bytes_.size() < sizeof out) return false;
        std::memcpy(&out, bytes_.data(), sizeof out);
        bytes_.remove_prefix(sizeof out);
        return true;
    }
    /// Null, or what is wrong.
    const char* value(Row& row) {
        constexpr const char* kCut = "a value is cut off";
        std::uint8_t type = 0;
        if (!take(type)) return kCut;
        std::uint8_t flag = 0;
        std::int64_t number = 0;
        std::uint32_t length = 0;
        switch (type) {
            case AIP_V_NULL: row.emplace_back(); return nullptr;
            case AIP_V_BOOL:
                if (!take(flag)) return kCut;
                if (flag > 1) return "a boolean is neither 0 nor 1";
                row.emplace_back(flag == 1);
                return nullptr;
            case AIP_V_INT:
            case AIP_V_TIME:
                if (!take(number)) return kCut;
                if (type == AIP_V_INT)
                    row.emplace_back(number);
                else
                    row.emplace_back(base::fromMicros(number));
                return nullptr;
            case AIP_V_TEXT:
            case AIP_V_BYTES:
            case AIP_V_JSON: break;
            default: return "a value has an unknown type";
        }
        if (!take(length) || length > bytes_.size()) return kCut;
        const std::string_view text = bytes_.substr(0, length);
        bytes_.remove_prefix(length);
        if (type == AIP_V_BYTES) {
            row.emplace_back(base::Bytes(text.begin(), text.end()));
            return nullptr;
        }
        if (!base::isUtf8(text)) return "a text is not UTF-8";
        if (text.find('\0') != std::string_view::npos) return "a text holds NUL";
        if (type == AIP_V_TEXT)
            row.emplace_back(std::string(text));
        else
            row.emplace_back(JsonText{std::string(text)});
        return nullptr;
    }

    std::string_view bytes_;
};

}  // namespace

const aip_op* encodeOps(Frame& frame, const std::vector<Op>& ops) {
    if (ops.empty()) return nullptr;
    return Encoder(frame, ops).run(ops);
}

base::Result<std::vector<OpResult>> decodeResults(std::string_view records, const std::vector<Op>& ops) {
    std::vector<OpResult> results;
    results.reserve(ops.size());
    Decoder decoder(records);
    for (const auto& op : ops) {
        auto result = decoder.one(op);
        if (!result) return std::move(result).error();
        results.push_back(std::move(*result));
    }
    if (!decoder.atEnd()) return broken("there are bytes behind the last record");
    return results;
}

}  // namespace agentidp::plugin
