#include "cli/backup/store_copy.h"

#include <algorithm>
#include <map>

#include "audit/tip.h"
#include "base/json.h"

namespace agentidp::cli {
namespace {

using base::Errc;
using base::fail;
using plugin::Compare;

constexpr std::uint32_t kPage = 500;
constexpr base::milliseconds kWithin{120'000};

struct Shape {
    std::string name;
    std::vector<std::string> columns;
    std::vector<std::string> key;
};

std::vector<std::string> names(const base::json::Value* list) {
    std::vector<std::string> out;
    if (list == nullptr || list->asArray() == nullptr) return out;
    for (const auto& item : *list->asArray()) out.push_back(item.asText() != nullptr ? *item.asText() : item.textOr("name", ""));
    return out;
}

/// What the steps of the schema add up to.
base::Result<std::vector<Shape>> shapesOf(std::string_view schemaJson) {
    const auto schema = base::json::parse(schemaJson);
    const auto* steps = schema ? schema->find("steps") : nullptr;
    if (steps == nullptr || steps->asArray() == nullptr) return fail(Errc::Internal, "", "the schema is not readable");
    static const base::json::Array kNone;
    const auto listed = [](const base::json::Value& step, std::string_view member) -> const base::json::Array& {
        const auto* list = step.find(member);
        return list != nullptr && list->asArray() != nullptr ? *list->asArray() : kNone;
    };
    std::vector<Shape> out;
    for (const auto& step : *steps->asArray()) {
        for (const auto& table : listed(step, "tables"))
            out.push_back({table.textOr("name", ""), names(table.find("columns")), names(table.find("primaryKey"))});
        for (const auto& added : listed(step, "addColumns")) {
            const auto table =
                std::find_if(out.begin(), out.end(), [&](const Shape& shape) { return shape.name == added.textOr("table", ""); });
            if (table == out.end()) return fail(Errc::Internal, "", "the schema adds to a table that it does not have");
            for (auto& column : names(added.find("columns"))) table->columns.push_back(std::move(column));
        }
    }
    return out;
}

class Copier {
public:
    Copier(plugin::Storage& from, plugin::Storage& to, const base::Clock& clock, const std::function<void(const CopiedTable&)>& told)
        : from_(from), to_(to), clock_(clock), told_(told) {}
    ~Copier() {
        if (tx_.open()) (void)to_.apply(tx_, {}, plugin::ApplyMode::Rollback, call());
    }
    Copier(const Copier&) = delete;
    Copier& operator=(const Copier&) = delete;

    base::Result<CopiedTable> copy(const Shape& shape) {
        CopiedTable out{shape.name, 0};
        if (auto done = walk(shape, {}, 0, out); !done) return std::move(done).error();
        if (auto counted = to_.apply(tx_, {plugin::count(shape.name, {})}, plugin::ApplyMode::Continue, call()); !counted)
            return std::move(counted).error();
        else if (static_cast<std::uint64_t>(counted->front().count) != out.rows)
            return fail(Errc::Internal, "the copy of " + shape.name + " has another number of rows", "");
        return out;
    }
    base::Result<void> commit() {
        auto done = to_.apply(tx_, {plugin::mark(plugin::Op::Code::Now)}, plugin::ApplyMode::Commit, call());
        if (!done) return std::move(done).error();
        return {};
    }

private:
    [[nodiscard]] plugin::Call call() const { return plugin::callWithin(clock_, kWithin); }

    base::Result<std::vector<plugin::Row>> read(plugin::Op select) {
        auto page = from_.read({std::move(select)}, call());
        if (!page) return std::move(page).error();
        return std::move(page->front().rows);
    }

    /// Rows whose first key columns are `where`. A cursor has two columns: a longer key is walked value by value in front of them.
    base::Result<void> walk(const Shape& shape, const std::vector<plugin::Where>& where, std::size_t depth, CopiedTable& out) {
        if (shape.key.size() - depth <= 2) return pages(shape, where, depth, out);
        const std::string_view column = shape.key[depth];
        for (std::vector<plugin::Value> last;;) {
            auto narrowed = where;
            if (!last.empty()) narrowed.push_back({column, Compare::Gt, last});
            const auto next = read(plugin::select(shape.name, {column}, std::move(narrowed), 1, {{column, false}}));
            if (!next) return next.error();
            if (next->empty()) return {};
            last = {next->front().front()};
            auto at = where;
            at.push_back({column, Compare::Eq, last});
            if (auto done = walk(shape, at, depth + 1, out); !done) return done;
        }
    }

    base::Result<void> pages(const Shape& shape, const std::vector<plugin::Where>& where, std::size_t depth, CopiedTable& out) {
        const std::vector<std::string_view> columns(shape.columns.begin(), shape.columns.end());
        std::vector<plugin::Order> order;
        std::vector<std::size_t> cursor;
        for (std::size_t at = depth; at < shape.key.size(); ++at) {
            order.push_back({shape.key[at], false});
            cursor.push_back(
                static_cast<std::size_t>(std::find(shape.columns.begin(), shape.columns.end(), shape.key[at]) - shape.columns.begin()));
        }
        for (std::vector<plugin::Value> after;;) {
            const auto rows = read(plugin::select(shape.name, columns, where, kPage, order, after));
            if (!rows) return rows.error();
            if (rows->empty()) return {};
            std::vector<plugin::Op> inserts;
            for (const auto& row : *rows) {
                std::vector<plugin::Assign> set;
                for (std::size_t at = 0; at < columns.size(); ++at) set.push_back({columns[at], row[at]});
                inserts.push_back(plugin::insertInto(shape.name, std::move(set)));
            }
            if (auto written = to_.apply(tx_, inserts, plugin::ApplyMode::Continue, call()); !written) return std::move(written).error();
            out.rows += rows->size();
            if (told_) told_(out);
            if (rows->size() < kPage) return {};
            after.clear();
            for (const auto at : cursor) after.push_back(rows->back()[at]);
        }
    }

    plugin::Storage& from_;
    plugin::Storage& to_;
    const base::Clock& clock_;
    const std::function<void(const CopiedTable&)>& told_;
    plugin::Transaction tx_;
};

base::Result<audit::Head> headOf(plugin::Storage& storage, const base::Clock& clock) {
    const auto tip = audit::readTip(storage, clock);
    if (tip) return tip->head();
    if (tip.error().code == Errc::NotFound) return audit::Head{};
    return tip.error();
}

}  // namespace

base::Result<std::vector<CopiedTable>> copyStore(plugin::Storage& from, plugin::Storage& to, std::string_view schemaJson,
                                                 const base::Clock& clock, const std::function<void(const CopiedTable&)>& told) {
    const auto shapes = shapesOf(schemaJson);
    if (!shapes) return shapes.error();
    for (const auto& shape : *shapes) {
        const auto counted = to.read({plugin::count(shape.name, {})}, plugin::callWithin(clock, kWithin));
        if (!counted) return counted.error();
        if (counted->front().count != 0) return fail(Errc::Conflict, "the target is not empty: its table " + shape.name + " has rows");
    }
    const auto before = headOf(from, clock);
    if (!before) return before.error();
    Copier copier(from, to, clock, told);
    std::vector<CopiedTable> out;
    for (const auto& shape : *shapes) {
        auto table = copier.copy(shape);
        if (!table) return std::move(table).error();
        out.push_back(std::move(*table));
    }
    const auto after = headOf(from, clock);
    if (!after) return after.error();
    if (after->size != before->size || after->root != before->root)
        return fail(Errc::Conflict, "somebody wrote to the old store while it was read; stop every daemon that uses it");
    if (auto committed = copier.commit(); !committed) return std::move(committed).error();
    return out;
}

}  // namespace agentidp::cli
