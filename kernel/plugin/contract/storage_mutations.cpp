/// Insert, update and remove: what they count, and what they refuse.
#include <limits>

#include "plugin/contract/storage_probe.h"

namespace agentidp::plugin::contract {

namespace {

using OnConflict = Op::OnConflict;

Op named(std::string id, std::int64_t owner, std::string label, OnConflict onConflict = OnConflict::Fail) {
    return insertInto("names", {{"id", std::move(id)}, {"owner", owner}, {"label", std::move(label)}}, onConflict);
}

std::string labelOf(StorageProbe& probe, const std::string& id) {
    const OpResult found = probe.read(select("names", {"label"}, {{"id", Compare::Eq, {id}}}));
    const auto* text = found.rows.empty() ? nullptr : std::get_if<std::string>(&found.rows[0][0]);
    return text ? *text : "(none)";
}

void refusesSecondRowWithTheSameKey(StorageProbe& probe) {
    probe.commit({thing(1, "first")});
    probe.refuses({thing(1, "second")}, base::Errc::Exists, "a second row with the same key");
    probe.commit({insertInto("pairs", {{"a", 1}, {"b", 2}, {"value", 3}}), insertInto("pairs", {{"a", 2}, {"b", 1}, {"value", 3}})});
    probe.refuses({insertInto("pairs", {{"a", 1}, {"b", 2}, {"value", 9}})}, base::Errc::Exists, "a second row with the same pair as key");
    const OpResult kept = probe.read(select("things", {"name"}, {}));
    probe.expect(kept.rows.size() == 1 && kept.rows[0][0] == Value("first"), "the refused row replaced the first");
}

void refusesSecondRowWithTheSameUniqueValues(StorageProbe& probe) {
    probe.commit({named("one", 1, "x"), named("two", 1, "y"), named("three", 2, "x")});
    probe.refuses({named("four", 1, "x")}, base::Errc::Exists, "a second row with the same unique values");
    probe.refuses({update("names", {{"label", "x"}}, {{"id", Compare::Eq, {"two"}}})}, base::Errc::Exists,
                  "an update to taken unique values");
    probe.commit({update("names", {{"label", "z"}}, {{"id", Compare::Eq, {"two"}}}, 1), named("five", 1, "y")});
    probe.expect(probe.read(count("names", {})).count == 4, "a refused row stayed");
}

void ignoresWhatIsThereIfAsked(StorageProbe& probe) {
    const auto done = probe.commit({named("one", 1, "x"), named("one", 5, "other", OnConflict::Ignore),
                                    named("two", 1, "x", OnConflict::Ignore), named("three", 3, "z", OnConflict::Ignore)});
    probe.expect(done[0].count == 1 && done[1].count == 0 && done[2].count == 0 && done[3].count == 1,
                 "ignored inserts were counted, or others were not");
    probe.expect(labelOf(probe, "one") == "x" && labelOf(probe, "two") == "(none)" && labelOf(probe, "three") == "z",
                 "an ignored insert changed a row");
    probe.refuses({insertInto("names", {{"id", "four"}, {"owner", 1}}, OnConflict::Ignore)}, base::Errc::Invalid,
                  "an ignoring insert of a row that is not whole");
}

void replacesWhatIsThereIfAsked(StorageProbe& probe) {
    probe.commit({insertInto("names", {{"id", "one"}, {"owner", 1}, {"label", "x"}, {"note", "kept?"}}), named("two", 2, "y")});
    const auto done = probe.commit({named("one", 1, "new", OnConflict::Replace), named("three", 3, "z", OnConflict::Replace)});
    probe.expect(done[0].count == 1 && done[1].count == 1, "a replacing insert does not count one row");
    probe.expect(labelOf(probe, "one") == "new" && labelOf(probe, "three") == "z", "a replacing insert did not replace");
    probe.expect(probe.read(count("names", {{"note", Compare::NotNull, {}}})).count == 0, "a replaced row left a column behind");
    probe.commit({named("four", 2, "y", OnConflict::Replace)});
    probe.expect(labelOf(probe, "two") == "(none)" && labelOf(probe, "four") == "y", "a row that held unique values was not replaced");
    probe.expect(probe.read(count("names", {})).count == 3, "replacing left another number of rows than promised");
}

void updatesOnlyWhatMatchesAndCountsIt(StorageProbe& probe) {
    probe.commit({thing(1, "a"), thing(2, "a"), thing(3, "b")});
    const auto done = probe.commit({update("things", {{"kind", "k"}, {"amount", 7}}, {{"name", Compare::Eq, {"a"}}}),
                                    update("things", {{"kind", "none"}}, {{"name", Compare::Eq, {"zzz"}}}),
                                    update("things", {{"kind", "k"}, {"amount", 7}}, {{"name", Compare::Eq, {"a"}}}),
                                    update("things", {{"flag", true}}, {})});
    probe.expect(done[0].count == 2 && done[1].count == 0, "an update does not count the rows that matched");
    probe.expect(done[2].count == 2, "an update to the same values does not count the rows that matched");
    probe.expect(done[3].count == 3, "an update without conditions does not reach every row");
    probe.expect(probe.ids(thingsWhere({{"kind", Compare::Eq, {"k"}}, {"amount", Compare::Eq, {7}}})) == std::vector<std::int64_t>({1, 2}),
                 "an update changed other rows");
}

void removesOnlyWhatMatchesAndCountsIt(StorageProbe& probe) {
    probe.commit({thing(1, "a"), thing(2, "a"), thing(3, "b")});
    const auto done =
        probe.commit({removeFrom("things", {{"name", Compare::Eq, {"a"}}}), removeFrom("things", {{"name", Compare::Eq, {"a"}}})});
    probe.expect(done[0].count == 2 && done[1].count == 0, "a removal does not count the rows that matched");
    probe.expect(probe.ids(thingsWhere({})) == std::vector<std::int64_t>{3}, "a removal took other rows");
    probe.expect(probe.commit({removeFrom("things", {})})[0].count == 1, "a removal without conditions does not reach every row");
}

void comparesAndSets(StorageProbe& probe) {
    probe.commit(
        {insertInto("things", {{"id", 1}, {"name", "n"}, {"amount", 1}}), insertInto("things", {{"id", 2}, {"name", "n"}, {"amount", 1}})});
    const auto set = [](std::int64_t id, std::int64_t version, std::int64_t expect) {
        return update("things", {{"kind", "won"}, {"amount", 1, Assign::Mode::Add}},
                      {{"id", Compare::Eq, {id}}, {"amount", Compare::Eq, {version}}}, expect);
    };
    probe.expect(probe.commit({set(1, 1, 1)})[0].count == 1, "the first of two equal writers did not win");
    probe.refuses({set(1, 1, 1)}, base::Errc::NotFound, "an update that expects one row and matches none");
    probe.refuses({update("things", {{"kind", "x"}}, {{"name", Compare::Eq, {"n"}}}, 1)}, base::Errc::Conflict,
                  "an update that expects one row and matches two");
    probe.refuses({update("things", {{"kind", "x"}}, {{"id", Compare::Eq, {2}}}, 0)}, base::Errc::Conflict,
                  "an update that expects no row and matches one");
    probe.refuses({removeFrom("things", {{"id", Compare::Eq, {77}}}, 1)}, base::Errc::NotFound,
                  "a removal that expects one row and matches none");
    probe.refuses({removeFrom("things", {{"name", Compare::Eq, {"n"}}}, 1)}, base::Errc::Conflict,
                  "a removal that expects one row and matches two");
    const auto done = probe.commit({update("things", {{"kind", "both"}}, {{"name", Compare::Eq, {"n"}}}, 2),
                                    removeFrom("things", {{"id", Compare::Eq, {77}}}, 0),
                                    update("things", {{"kind", "nobody"}}, {{"id", Compare::Eq, {77}}}, -1)});
    probe.expect(done[0].count == 2 && done[1].count == 0 && done[2].count == 0, "an expectation that holds is refused");
    probe.expect(probe.read(count("things", {{"kind", Compare::Eq, {"both"}}})).count == 2, "a refused update changed a row");
}

void addsToIntegers(StorageProbe& probe) {
    const auto add = [](std::string_view column, Value by) {
        return update("things", {{column, std::move(by), Assign::Mode::Add}}, {{"id", Compare::Eq, {1}}});
    };
    probe.commit({insertInto("things", {{"id", 1}, {"name", "n"}, {"amount", 40}})});
    probe.commit({add("amount", 5), add("amount", -3)});
    probe.expect(probe.ids(select("things", {"amount"}, {})) == std::vector<std::int64_t>{42}, "sums are wrong");
    probe.refuses({add("kind", "x")}, base::Errc::Invalid, "adding to text");
    probe.refuses({add("amount", "1")}, base::Errc::Invalid, "adding text to an integer");
    probe.refuses({add("amount", Value())}, base::Errc::Invalid, "adding null");
    probe.refuses({add("amount", std::numeric_limits<std::int64_t>::max())}, base::Errc::Invalid, "a sum that does not fit 64 bits");
    probe.refuses({insertInto("things", {{"id", 2}, {"name", "n"}, {"amount", 1, Assign::Mode::Add}})}, base::Errc::Invalid,
                  "adding in an insert");
    probe.commit({update("things", {{"amount", Value()}}, {{"id", Compare::Eq, {1}}}), add("amount", 5)});
    probe.expect(probe.read(count("things", {{"amount", Compare::IsNull, {}}})).count == 1, "null and five is not null");
}

void refusesShapelessMutations(StorageProbe& probe) {
    probe.commit({thing(1)});
    probe.refuses({insertInto("things", {})}, base::Errc::Invalid, "an insert of nothing");
    probe.refuses({update("things", {}, {})}, base::Errc::Invalid, "an update of nothing");
    probe.refuses({insertInto("things", {{"id", 2}, {"name", "n"}, {"name", "m"}})}, base::Errc::Invalid,
                  "an insert that names a column twice");
    probe.refuses({update("things", {{"name", "n"}, {"name", "m"}}, {})}, base::Errc::Invalid, "an update that names a column twice");
    probe.refuses({insertInto("things", std::vector<Assign>(65, Assign{"name", "n"}))}, base::Errc::Invalid, "an insert of 65 columns");
    probe.refuses({update("things", {{"name", "n"}}, std::vector<Where>(17, Where{"id", Compare::Eq, {1}}))}, base::Errc::Invalid,
                  "an update with 17 conditions");
}

void sameShapeWithOtherValuesIsAnotherRow(StorageProbe& probe) {
    std::vector<Op> rows;
    for (std::int64_t id = 1; id <= 50; ++id)
        rows.push_back(
            insertInto("things", {{"id", id}, {"name", "n" + std::to_string(id)}, {"amount", id % 2 == 0 ? Value(id) : Value()}}));
    probe.commit(rows);
    for (std::int64_t id = 1; id <= 50; ++id) {
        const OpResult found = probe.read(select("things", {"name", "amount"}, {{"id", Compare::Eq, {id}}}));
        const bool same = found.rows.size() == 1 && found.rows[0][0] == Value("n" + std::to_string(id)) &&
                          found.rows[0][1] == (id % 2 == 0 ? Value(id) : Value());
        probe.expect(same, "row " + std::to_string(id) + " holds values of another");
    }
}

void updatesOfOneShapeActInTurn(StorageProbe& probe) {
    const auto add = [](std::int64_t id, std::int64_t by) {
        return update("things", {{"amount", by, Assign::Mode::Add}}, {{"id", Compare::Eq, {id}}});
    };
    const auto amounts = [&] { return probe.ids(select("things", {"amount"}, {}, 100, {{"id"}})); };
    for (std::int64_t id = 1; id <= 4; ++id)
        probe.commit({insertInto("things", {{"id", id}, {"name", id <= 2 ? "a" : "b"}, {"amount", 10 * id}})});

    auto done = probe.commit({add(1, 1), add(77, 1), add(2, 2), add(1, 100), add(4, 4)});
    probe.expect(done[0].count == 1 && done[1].count == 0 && done[2].count == 1 && done[3].count == 1 && done[4].count == 1,
                 "updates of one shape in a row do not count each its own rows");
    probe.expect(amounts() == std::vector<std::int64_t>({111, 22, 30, 44}), "updates of one shape in a row: " + listed(amounts()));

    const auto step = [](std::int64_t from, std::int64_t to) {
        return update("things", {{"amount", to}}, {{"amount", Compare::Eq, {from}}});
    };
    done = probe.commit({step(111, 30), step(30, 31), step(31, 32)});
    probe.expect(done[0].count == 1 && done[1].count == 2 && done[2].count == 2, "an update does not see what the one before it wrote");
    probe.expect(amounts() == std::vector<std::int64_t>({32, 22, 32, 44}), "updates that lead to each other: " + listed(amounts()));

    const auto named = [](std::string name, Value kind, Value flag) {
        return update("things", {{"kind", std::move(kind)}, {"flag", std::move(flag)}}, {{"name", Compare::Eq, {std::move(name)}}});
    };
    done = probe.commit({named("a", "k", true), named("b", "l", false), named("c", "m", true)});
    probe.expect(done[0].count == 2 && done[1].count == 2 && done[2].count == 0, "updates of many rows each do not count them");
    probe.expect(
        probe.ids(thingsWhere({{"kind", Compare::Eq, {"l"}}, {"flag", Compare::Eq, {false}}})) == std::vector<std::int64_t>({3, 4}),
        "an update of one shape wrote the values of another");
}

}  // namespace

void addMutationCases(StorageCases& cases) {
    const auto add = [&](std::string name, void (*body)(StorageProbe&)) {
        cases.push_back({std::move(name), [body](StorageSubject& subject) {
                             StorageProbe probe(subject);
                             body(probe);
                             return probe.verdict();
                         }});
    };
    add("refusesSecondRowWithTheSameKey", refusesSecondRowWithTheSameKey);
    add("refusesSecondRowWithTheSameUniqueValues", refusesSecondRowWithTheSameUniqueValues);
    add("ignoresWhatIsThereIfAsked", ignoresWhatIsThereIfAsked);
    add("replacesWhatIsThereIfAsked", replacesWhatIsThereIfAsked);
    add("updatesOnlyWhatMatchesAndCountsIt", updatesOnlyWhatMatchesAndCountsIt);
    add("updatesOfOneShapeActInTurn", updatesOfOneShapeActInTurn);
    add("removesOnlyWhatMatchesAndCountsIt", removesOnlyWhatMatchesAndCountsIt);
    add("comparesAndSets", comparesAndSets);
    add("addsToIntegers", addsToIntegers);
    add("refusesShapelessMutations", refusesShapelessMutations);
    add("sameShapeWithOtherValuesIsAnotherRow", sameShapeWithOtherValuesIsAnotherRow);
}

}  // namespace agentidp::plugin::contract
