#include "plugin/contract/storage_probe.h"

#include <limits>

namespace agentidp::plugin::contract {

namespace {

std::string firstStep(const std::string& typeOfName) {
    return R"({"number":1,"name":"contract","tables":[
 {"name":"things","columns":[{"name":"id","type":"int"},{"name":"name","type":")" +
           typeOfName + R"("},{"name":"kind","type":"text","null":true},
  {"name":"amount","type":"int","null":true},{"name":"flag","type":"bool","null":true},{"name":"data","type":"bytes","null":true},
  {"name":"at","type":"time","null":true},{"name":"doc","type":"json","null":true}],"primaryKey":["id"],"indexes":[["kind","id"]]},
 {"name":"names","columns":[{"name":"id","type":"text"},{"name":"owner","type":"int"},{"name":"label","type":"text"},
  {"name":"note","type":"text","null":true}],"primaryKey":["id"],"unique":[["owner","label"]]},
 {"name":"pairs","columns":[{"name":"a","type":"int"},{"name":"b","type":"int"},{"name":"value","type":"int"}],"primaryKey":["a","b"]}]})";
}

constexpr std::string_view kSecondStep = R"({"number":2,"name":"wider",
 "tables":[{"name":"extras","columns":[{"name":"id","type":"int"},{"name":"word","type":"text"}],"primaryKey":["id"]}],
 "addColumns":[{"table":"things","columns":[{"name":"color","type":"text","null":true},{"name":"weight","type":"int","default":7}]}],
 "addIndexes":[{"table":"things","indexes":[["weight","id"]],"unique":[["color"]]}]})";

}  // namespace

std::string_view contractSchema() {
    static const std::string schema = R"({"steps":[)" + firstStep("text") + "]}";
    return schema;
}
std::string_view widerContractSchema() {
    static const std::string schema = R"({"steps":[)" + firstStep("text") + "," + std::string(kSecondStep) + "]}";
    return schema;
}
std::string_view differingContractSchema() {
    static const std::string schema = R"({"steps":[)" + firstStep("bytes") + "]}";
    return schema;
}

StorageProbe::StorageProbe(StorageSubject& subject) : StorageProbe(subject, Start::Empty) { migrate(contractSchema()); }

StorageProbe::StorageProbe(StorageSubject& subject, Start) : subject_(subject), store_(subject.fresh()) {}

void StorageProbe::expect(bool held, const std::string& otherwise) {
    if (!held && !first_) first_ = otherwise;
}

std::string StorageProbe::told(const base::Error& error) {
    return "code " + std::to_string(static_cast<int>(error.code)) + ", " + error.hint + " " + error.detail;
}

void StorageProbe::migrate(std::string_view schema) {
    const auto migrated = store_->migrate(schema, true, call());
    expect(migrated.ok(), "the schema was refused: " + (migrated.ok() ? std::string() : told(migrated.error())));
}

std::vector<OpResult> StorageProbe::commit(const std::vector<Op>& ops) {
    Transaction none;
    auto done = store_->apply(none, ops, ApplyMode::Commit, call());
    expect(done.ok(), "a transaction failed that should not: " + (done.ok() ? std::string() : told(done.error())));
    if (done.ok()) expect(done->size() == ops.size(), "an apply answered another number of results than it had operations");
    expect(!none.open(), "a committed transaction is still named");
    if (!done.ok() || done->size() != ops.size()) return std::vector<OpResult>(ops.size());
    return std::move(done).value();
}

void StorageProbe::refuses(const std::vector<Op>& ops, base::Errc code, const std::string& what) {
    Transaction none;
    expectError(store_->apply(none, ops, ApplyMode::Commit, call()), code, what);
    expect(!none.open(), what + ": the failed transaction is still named");
}

OpResult StorageProbe::read(const Op& op) {
    auto done = store_->read({op}, call());
    expect(done.ok() && done->size() == 1, "a read failed: " + (done.ok() ? std::string("no result") : told(done.error())));
    if (!done.ok() || done->size() != 1) return {};
    expect(done->front().ok, "a read outside any group told its failure in its result");
    return std::move(done->front());
}

void StorageProbe::refusesToRead(const Op& op, base::Errc code, const std::string& what) {
    expectError(store_->read({op}, call()), code, what);
}

std::vector<std::int64_t> StorageProbe::ids(const Op& op) {
    const OpResult result = read(op);
    std::vector<std::int64_t> out;
    for (std::size_t row = 0; row < result.rows.size(); ++row) out.push_back(intAt(result, row, 0));
    return out;
}

Op thing(std::int64_t id, std::string name) { return insertInto("things", {{"id", id}, {"name", std::move(name)}}); }

Op thingsWhere(std::vector<Where> where, std::uint32_t limit) { return select("things", {"id"}, std::move(where), limit, {{"id"}}); }

std::string listed(const std::vector<std::int64_t>& ids) {
    std::string out;
    for (const auto id : ids) out += (out.empty() ? "" : ",") + std::to_string(id);
    return "[" + out + "]";
}

std::int64_t intAt(const OpResult& result, std::size_t row, std::size_t column) {
    if (row >= result.rows.size() || column >= result.rows[row].size()) return std::numeric_limits<std::int64_t>::min();
    const auto* number = std::get_if<std::int64_t>(&result.rows[row][column]);
    return number ? *number : std::numeric_limits<std::int64_t>::min();
}

}  // namespace agentidp::plugin::contract
