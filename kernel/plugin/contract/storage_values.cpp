/// Values, comparisons, order and limits: what comes back is what went in, and only what was asked for.
#include <limits>
#include <numeric>

#include "base/json.h"
#include "plugin/contract/storage_probe.h"

namespace agentidp::plugin::contract {

namespace {

using std::string_literals::operator""s;

/// Stores each value in `column` of a row of its own and expects it back, by select and by equality where that is offered.
void roundTrips(StorageProbe& probe, std::string_view column, const std::vector<Value>& values) {
    std::vector<Op> inserts;
    for (std::size_t i = 0; i < values.size(); ++i)
        inserts.push_back(insertInto("things", {{"id", static_cast<std::int64_t>(i)}, {"name", "v"}, {column, values[i]}}));
    probe.commit(inserts);
    const OpResult all = probe.read(select("things", {column}, {}, 10'000, {{"id"}}));
    probe.expect(all.rows.size() == values.size(), "not every value came back for " + std::string(column));
    if (all.rows.size() != values.size()) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::string which = "value " + std::to_string(i) + " of " + std::string(column);
        probe.expect(all.rows[i].size() == 1 && all.rows[i][0].index() == values[i].index(), which + " changed its type");
        if (std::holds_alternative<JsonText>(values[i])) continue;
        probe.expect(all.rows[i].size() == 1 && all.rows[i][0] == values[i], which + " came back changed");
        if (std::holds_alternative<std::monostate>(values[i])) continue;
        const auto found =
            probe.ids(thingsWhere({{column, Compare::Eq, {values[i]}}, {"id", Compare::Eq, {static_cast<std::int64_t>(i)}}}));
        probe.expect(found.size() == 1, which + " does not equal itself");
    }
}

void integersKeepTheirExtremes(StorageProbe& probe) {
    roundTrips(probe, "amount",
               {Value(std::int64_t{0}), Value(std::int64_t{-1}), Value(std::numeric_limits<std::int64_t>::max()),
                Value(std::numeric_limits<std::int64_t>::min()), Value(std::int64_t{1} << 53), Value()});
}

void timesKeepMicroseconds(StorageProbe& probe) {
    roundTrips(probe, "at",
               {Value(base::fromMicros(0)), Value(base::fromMicros(1)), Value(base::fromMicros(-1)),
                Value(base::fromMicros(1'790'000'000'123'456)), Value(base::fromMicros(253'402'300'799'999'999)), Value()});
}

void booleansStayBooleans(StorageProbe& probe) { roundTrips(probe, "flag", {Value(true), Value(false), Value()}); }

void bytesKeepEveryByte(StorageProbe& probe) {
    base::Bytes every(256);
    std::iota(every.begin(), every.end(), std::uint8_t{0});
    base::Bytes large(65'536);
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
    roundTrips(probe, "data",
               {Value(base::Bytes{}), Value(base::Bytes{0}), Value(base::Bytes{0, 0, 1, 0}), Value(every), Value(large), Value()});
}

void textsComeBackByteForByte(StorageProbe& probe) {
    std::vector<Value> texts{Value(""s),
                             Value(" "s),
                             Value("'; DROP TABLE things; --"s),
                             Value("\"quoted\" \\ %s %d {} $1 ?1 :name @name"s),
                             Value("line\nline\r\n\ttab"s),
                             Value("\x01\x02\x7f"s),
                             Value("na\xc3\xafve \xf0\x9f\x98\x80 \xe2\x80\xae right-to-left"s),
                             Value("e\xcc\x81 is not \xc3\xa9"s),
                             Value("\xef\xbf\xbf \xf4\x8f\xbf\xbf"s),
                             Value("NULL"s),
                             Value("0"s),
                             Value("1e5"s),
                             Value("0x10"s),
                             Value("  12  "s),
                             Value(std::string(65'536, 'x')),
                             Value()};
    for (const auto& text : probe.subject().texts) texts.emplace_back(text);
    roundTrips(probe, "kind", texts);
}

void jsonComesBackEqual(StorageProbe& probe) {
    const std::vector<std::string> documents{"{}", "[]", "null", "true", "\"text\"", "[1,2,3]", R"({"a":[{"b":null}],"c":"\u00e9\n"})"};
    std::vector<Value> values;
    values.reserve(documents.size() + 1);
    for (const auto& text : documents) values.emplace_back(JsonText{text});
    values.emplace_back();
    roundTrips(probe, "doc", values);
    const OpResult all = probe.read(select("things", {"doc"}, {{"doc", Compare::NotNull, {}}}, 100, {{"id"}}));
    probe.expect(all.rows.size() == documents.size(), "a JSON null counts as no value");
    for (std::size_t i = 0; i < documents.size() && i < all.rows.size(); ++i) {
        const auto* text = std::get_if<JsonText>(&all.rows[i][0]);
        const auto sent = base::json::parse(documents[i]);
        const auto got =
            text ? base::json::parse(text->text) : base::Result<base::json::Value>(base::fail(base::Errc::Internal, "not json"));
        probe.expect(got.ok() && sent.ok() && *got == *sent, "a JSON document changed its meaning: " + documents[i]);
    }
}

void refusesValuesOfTheWrongKind(StorageProbe& probe) {
    const auto with = [](std::string_view column, Value value) {
        return std::vector<Op>{insertInto("things", {{"id", 1}, {"name", "v"}, {column, std::move(value)}})};
    };
    probe.refuses(with("amount", "12"), base::Errc::Invalid, "text for an integer");
    probe.refuses(with("kind", std::int64_t{12}), base::Errc::Invalid, "an integer for text");
    probe.refuses(with("at", std::int64_t{12}), base::Errc::Invalid, "an integer for a time");
    probe.refuses(with("flag", std::int64_t{1}), base::Errc::Invalid, "an integer for a boolean");
    probe.refuses(with("data", "bytes"), base::Errc::Invalid, "text for bytes");
    probe.refuses(with("doc", "{}"), base::Errc::Invalid, "text for JSON");
    probe.refuses(with("doc", JsonText{"{\"a\":"}), base::Errc::Invalid, "broken JSON");
    probe.refuses(with("kind", "a\0b"s), base::Errc::Invalid, "text with a NUL");
    probe.refuses(with("kind", "\xff\xfe"s), base::Errc::Invalid, "text that is not UTF-8");
    probe.refuses({insertInto("things", {{"id", 1}, {"name", Value()}})}, base::Errc::Invalid, "null for a column that is not null");
    probe.refuses({insertInto("things", {{"id", 1}})}, base::Errc::Invalid, "a row without a column that is not null");
    probe.expect(probe.read(count("things", {})).count == 0, "a refused value left a row behind");
}

void comparesAsPromised(StorageProbe& probe) {
    std::vector<Op> rows;
    for (std::int64_t id = 1; id <= 5; ++id) rows.push_back(insertInto("things", {{"id", id}, {"name", "n"}, {"amount", id * 10}}));
    rows.push_back(thing(6));
    probe.commit(rows);
    const auto finds = [&](Compare compare, std::vector<Value> values, const std::vector<std::int64_t>& wanted) {
        const auto found = probe.ids(thingsWhere({{"amount", compare, std::move(values)}}));
        probe.expect(found == wanted,
                     "comparison " + std::to_string(static_cast<int>(compare)) + " found " + listed(found) + ", not " + listed(wanted));
    };
    finds(Compare::Eq, {30}, {3});
    finds(Compare::Ne, {30}, {1, 2, 4, 5});
    finds(Compare::Lt, {30}, {1, 2});
    finds(Compare::Le, {30}, {1, 2, 3});
    finds(Compare::Gt, {30}, {4, 5});
    finds(Compare::Ge, {30}, {3, 4, 5});
    finds(Compare::In, {10, 50, 60}, {1, 5});
    finds(Compare::In, {20}, {2});
    finds(Compare::In, {20, 20, 40}, {2, 4});
    finds(Compare::IsNull, {}, {6});
    finds(Compare::NotNull, {}, {1, 2, 3, 4, 5});
    const auto both = probe.ids(thingsWhere({{"amount", Compare::Gt, {10}}, {"amount", Compare::Lt, {40}}, {"id", Compare::Ne, {2}}}));
    probe.expect(both == std::vector<std::int64_t>{3}, "conditions are not all required: " + listed(both));
}

void findsManyValuesAtOnce(StorageProbe& probe) {
    std::vector<Op> rows;
    for (std::int64_t id = 0; id < 1'500; ++id) rows.push_back(thing(id));
    probe.commit(rows);
    std::vector<Value> wanted;
    for (std::int64_t id = 0; id < 1'000; ++id) wanted.emplace_back(id * 2);
    const auto found = probe.ids(thingsWhere({{"id", Compare::In, wanted}}, 10'000));
    probe.expect(found.size() == 750, "1,000 values found " + std::to_string(found.size()) + " rows, not 750");
    for (const std::size_t n : {2U, 3U, 7U, 100U, 513U}) {
        const std::vector<Value> some(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(n));
        probe.expect(probe.ids(thingsWhere({{"id", Compare::In, some}}, 10'000)).size() == n,
                     std::to_string(n) + " values did not find their rows");
    }
}

void prefixIsLiteralAndByBytes(StorageProbe& probe) {
    const std::vector<std::string> names{"a%b", "a_b", "axb", "A%b", "a%", "a", "", "\xc3\xa9t\xc3\xa9", "\xc3\xa8", "\xf4\x8f\xbf\xbfz",
                                         "a%bc"};
    std::vector<Op> rows;
    for (std::size_t i = 0; i < names.size(); ++i)
        rows.push_back(insertInto("things", {{"id", static_cast<std::int64_t>(i)}, {"name", "n"}, {"kind", names[i]}}));
    rows.push_back(thing(99));
    probe.commit(rows);
    const auto finds = [&](const std::string& prefix, const std::vector<std::int64_t>& wanted) {
        const auto found = probe.ids(thingsWhere({{"kind", Compare::Prefix, {prefix}}}));
        probe.expect(found == wanted, "prefix '" + prefix + "' found " + listed(found) + ", not " + listed(wanted));
    };
    finds("a%", {0, 4, 10});
    finds("a%b", {0, 10});
    finds("a_", {1});
    finds("A", {3});
    finds("\xc3\xa9", {7});
    finds("\xf4\x8f\xbf\xbf", {9});
    finds("", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    finds("zz", {});
}

void textIsOrderedByBytes(StorageProbe& probe) {
    const std::vector<std::string> sorted{
        "", " ", "%", "0", "10", "9", "A", "B", "_", "a", "a ", "a0", "aa", "b", "\xc3\xa9", "\xef\xbf\xbd", "\xf0\x9f\x98\x80"};
    std::vector<Op> rows;
    for (std::size_t i = sorted.size(); i-- > 0;)
        rows.push_back(insertInto("things", {{"id", static_cast<std::int64_t>(i)}, {"name", sorted[i]}}));
    probe.commit(rows);
    const auto found = probe.ids(select("things", {"id"}, {}, 100, {{"name"}}));
    std::vector<std::int64_t> wanted(sorted.size());
    std::iota(wanted.begin(), wanted.end(), 0);
    probe.expect(found == wanted, "text is not ordered by its bytes: " + listed(found));
    const auto from = probe.ids(select("things", {"id"}, {{"name", Compare::Ge, {"B"}}}, 100, {{"name"}}));
    probe.expect(from.size() == sorted.size() - 7, "text is not compared by its bytes: " + listed(from));
}

void nullMatchesOnlyNull(StorageProbe& probe) {
    probe.commit({insertInto("things", {{"id", 1}, {"name", "n"}, {"amount", 5}}),
                  insertInto("things", {{"id", 2}, {"name", "n"}, {"amount", Value()}}), thing(3)});
    probe.expect(probe.ids(thingsWhere({{"amount", Compare::Ne, {7}}})) == std::vector<std::int64_t>{1}, "a null is unequal to a value");
    probe.expect(probe.ids(thingsWhere({{"amount", Compare::Lt, {7}}})) == std::vector<std::int64_t>{1}, "a null is below a value");
    const auto ordered = probe.ids(select("things", {"id"}, {}, 10, {{"amount"}, {"id"}}));
    probe.expect(ordered == std::vector<std::int64_t>{2, 3, 1}, "nulls are not first: " + listed(ordered));
    const auto backwards = probe.ids(select("things", {"id"}, {}, 10, {{"amount", true}, {"id"}}));
    probe.expect(backwards == std::vector<std::int64_t>{1, 2, 3}, "nulls are not last when descending: " + listed(backwards));
    probe.refusesToRead(thingsWhere({{"amount", Compare::Eq, {Value()}}}), base::Errc::Invalid, "equality with null");
    probe.refusesToRead(thingsWhere({{"amount", Compare::In, {5, Value()}}}), base::Errc::Invalid, "a null among values");
    probe.commit({update("things", {{"amount", Value()}}, {{"id", Compare::Eq, {1}}}, 1)});
    probe.expect(probe.read(count("things", {{"amount", Compare::IsNull, {}}})).count == 3, "a value was not set to null");
}

void cursorGoesOnBehindTheLastRow(StorageProbe& probe) {
    std::vector<Op> rows;
    for (std::int64_t a = 0; a < 5; ++a)
        for (std::int64_t b = 0; b < 5; ++b) rows.push_back(insertInto("pairs", {{"a", a}, {"b", b}, {"value", a * 10 + b}}));
    probe.commit(rows);
    for (const bool aDown : {false, true}) {
        for (const bool bDown : {false, true}) {
            std::vector<std::int64_t> seen;
            std::vector<Value> after;
            for (int page = 0; page < 10; ++page) {
                const OpResult part = probe.read(
                    select("pairs", {"value", "a", "b"}, {{"value", Compare::Ne, {12}}}, 4, {{"a", aDown}, {"b", bDown}}, after));
                for (std::size_t row = 0; row < part.rows.size(); ++row) seen.push_back(intAt(part, row, 0));
                if (part.rows.size() < 4) break;
                after = {part.rows.back()[1], part.rows.back()[2]};
            }
            std::vector<std::int64_t> wanted;
            for (std::int64_t a = 0; a < 5; ++a)
                for (std::int64_t b = 0; b < 5; ++b) {
                    const std::int64_t value = (aDown ? 4 - a : a) * 10 + (bDown ? 4 - b : b);
                    if (value != 12) wanted.push_back(value);
                }
            probe.expect(seen == wanted, "a cursor over two columns lost its place: " + listed(seen));
        }
    }
    const auto single = probe.ids(select("pairs", {"b"}, {{"a", Compare::Eq, {2}}}, 10, {{"b", true}}, {Value(3)}));
    probe.expect(single == std::vector<std::int64_t>({2, 1, 0}), "a cursor over one column lost its place: " + listed(single));
}

void refusesWhatIsNotInTheSchema(StorageProbe& probe) {
    probe.commit({thing(1)});
    probe.refusesToRead(select("nothing", {"id"}, {}), base::Errc::Invalid, "a select from an unknown table");
    probe.refusesToRead(select("things", {"nothing"}, {}), base::Errc::Invalid, "a select of an unknown column");
    probe.refusesToRead(thingsWhere({{"nothing", Compare::Eq, {1}}}), base::Errc::Invalid, "a condition on an unknown column");
    probe.refusesToRead(select("things", {"id"}, {}, 1, {{"nothing"}}), base::Errc::Invalid, "order by an unknown column");
    probe.refusesToRead(select("things\" --", {"id"}, {}), base::Errc::Invalid, "a table name with a quote");
    probe.refusesToRead(select("things", {"id\", 1 --"}, {}), base::Errc::Invalid, "a column name with a quote");
    probe.refuses({insertInto("things", {{"id", 2}, {"name", "n"}, {"nothing", 1}})}, base::Errc::Invalid,
                  "an insert of an unknown column");
    probe.refuses({insertInto("nothing", {{"id", 2}})}, base::Errc::Invalid, "an insert into an unknown table");
    probe.refuses({update("things", {{"nothing", 1}}, {})}, base::Errc::Invalid, "an update of an unknown column");
    probe.refuses({removeFrom("nothing", {})}, base::Errc::Invalid, "a removal from an unknown table");
    probe.expect(probe.read(count("things", {})).count == 1, "a refused operation changed something");
}

void holdsItsLimits(StorageProbe& probe) {
    probe.commit({thing(1)});
    const std::vector<Where> sixteen(16, Where{"id", Compare::Eq, {1}});
    probe.expect(probe.ids(thingsWhere(sixteen)).size() == 1, "sixteen conditions did not find their row");
    probe.refusesToRead(thingsWhere(std::vector<Where>(17, Where{"id", Compare::Eq, {1}})), base::Errc::Invalid, "seventeen conditions");
    probe.expect(probe.ids(thingsWhere({}, 10'000)).size() == 1, "a limit of 10,000 was refused");
    probe.refusesToRead(thingsWhere({}, 10'001), base::Errc::Invalid, "a limit of 10,001");
    probe.refusesToRead(thingsWhere({}, 0), base::Errc::Invalid, "a limit of 0");
    const OpResult wide = probe.read(select("things", std::vector<std::string_view>(64, "id"), {}));
    probe.expect(wide.rows.size() == 1 && wide.rows[0].size() == 64, "64 columns were refused");
    probe.refusesToRead(select("things", std::vector<std::string_view>(65, "id"), {}), base::Errc::Invalid, "65 columns");
    probe.refusesToRead(select("things", {}, {}), base::Errc::Invalid, "a select of no column");
    probe.refusesToRead(select("things", {"id"}, {}, 1, {{"id"}, {"name"}, {"kind"}}), base::Errc::Invalid, "order by three columns");
    probe.refusesToRead(thingsWhere({{"id", Compare::In, {}}}), base::Errc::Invalid, "one of no values");
    probe.refusesToRead(thingsWhere({{"id", Compare::In, std::vector<Value>(1'001, Value(1))}}), base::Errc::Invalid,
                        "one of 1,001 values");
    probe.refusesToRead(thingsWhere({{"id", Compare::Eq, {1, 2}}}), base::Errc::Invalid, "equality with two values");
    probe.refusesToRead(thingsWhere({{"id", Compare::Prefix, {1}}}), base::Errc::Invalid, "a prefix of an integer");
    probe.refusesToRead(thingsWhere({{"id", Compare::Eq, {"1"}}}), base::Errc::Invalid, "an integer compared with text");
    probe.refusesToRead(select("things", {"id"}, {}, 1, {{"id"}}, {Value(1), Value(2)}), base::Errc::Invalid,
                        "a cursor longer than its order");
    probe.refusesToRead(select("things", {"id"}, {}, 1, {}, {Value(1)}), base::Errc::Invalid, "a cursor without an order");
}

}  // namespace

void addValueCases(StorageCases& cases) {
    const auto add = [&](std::string name, void (*body)(StorageProbe&)) {
        cases.push_back({std::move(name), [body](StorageSubject& subject) {
                             StorageProbe probe(subject);
                             body(probe);
                             return probe.verdict();
                         }});
    };
    add("integersKeepTheirExtremes", integersKeepTheirExtremes);
    add("timesKeepMicroseconds", timesKeepMicroseconds);
    add("booleansStayBooleans", booleansStayBooleans);
    add("bytesKeepEveryByte", bytesKeepEveryByte);
    add("textsComeBackByteForByte", textsComeBackByteForByte);
    add("jsonComesBackEqual", jsonComesBackEqual);
    add("refusesValuesOfTheWrongKind", refusesValuesOfTheWrongKind);
    add("comparesAsPromised", comparesAsPromised);
    add("findsManyValuesAtOnce", findsManyValuesAtOnce);
    add("prefixIsLiteralAndByBytes", prefixIsLiteralAndByBytes);
    add("textIsOrderedByBytes", textIsOrderedByBytes);
    add("nullMatchesOnlyNull", nullMatchesOnlyNull);
    add("cursorGoesOnBehindTheLastRow", cursorGoesOnBehindTheLastRow);
    add("refusesWhatIsNotInTheSchema", refusesWhatIsNotInTheSchema);
    add("holdsItsLimits", holdsItsLimits);
}

}  // namespace agentidp::plugin::contract
