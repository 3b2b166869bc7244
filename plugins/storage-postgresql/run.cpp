#include "run.h"

#include <libpq-fe.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <set>

#include "failure.h"
#include "sql/groups.h"
#include "sql/shape.h"

namespace agentidp::storage_postgresql {

namespace {

constexpr const char* kCallPoint = "SAVEPOINT aip_call";
constexpr const char* kBackToCall = "ROLLBACK TO SAVEPOINT aip_call";
constexpr const char* kGroup = "SAVEPOINT aip_group";
constexpr const char* kEndOfGroup = "RELEASE SAVEPOINT aip_group";
constexpr const char* kUndoGroup = "ROLLBACK TO SAVEPOINT aip_group";
constexpr std::size_t kMostKnown = 512;

bool expects(const aip_op& op) { return (op.code == AIP_OP_UPDATE || op.code == AIP_OP_REMOVE) && op.expect >= 0; }

/// Whatever the values are, the same way to the same few rows.
bool namesItsRows(const aip_op& op) {
    return op.where_n > 0 && op.after_n == 0 &&
           std::all_of(op.where, op.where + op.where_n, [](const aip_where& where) { return where.compare == AIP_EQ; });
}

/// What one such update does is nothing to another that names its row by other values. (Equal JSON has many texts.)
bool leavesNames(const aip_op& op) {
    return std::none_of(op.where, op.where + op.where_n, [&](const aip_where& where) {
        return where.values[0].type == AIP_V_JSON || std::any_of(op.set, op.set + op.set_n, [&](const aip_assign& assign) {
                   return aip::view(assign.column) == aip::view(where.column);
               });
    });
}

const std::vector<std::string>& none() {
    static const std::vector<std::string> kNone;
    return kNone;
}

void appendKey(const aip_value& value, std::string& key) {
    const auto number = static_cast<std::uint64_t>(value.i);
    const std::string_view text = aip::view(value.s);
    const std::uint64_t length = text.size();
    key.append(reinterpret_cast<const char*>(&number), sizeof number);
    key.append(reinterpret_cast<const char*>(&length), sizeof length);
    key.append(text);
}

std::int64_t affected(const pg_result* result) {
    const std::string_view text = PQcmdTuples(const_cast<pg_result*>(result));
    std::int64_t count = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

}  // namespace

aip::Outcome<std::shared_ptr<const Statements::Statement>> Statements::of(const aip_op& op) {
    std::string shape;
    sql::shapeOf(op, shape);
    if (expects(op)) shape += "\nexpects";
    {
        const std::lock_guard lock(mutex_);
        if (const auto at = known_.find(shape); at != known_.end()) return at->second;
    }
    auto plan = sql::planOf(op, catalog_, dialect_);
    if (!plan) return plan.fail();
    auto made = std::make_shared<Statement>();
    if (expects(op)) {
        // The count is the parameter behind all others.
        const std::string wanted = "$" + std::to_string(plan->binds.size() + 1);
        plan->sql = "WITH done AS (" + plan->sql + " RETURNING 1) SELECT CASE WHEN count(*) = " + wanted + " THEN count(*) ELSE ('" +
                    std::string(kCounted) + "' || count(*))::bigint END FROM done";
    }
    if (op.code == AIP_OP_INSERT && op.on_conflict == AIP_CONFLICT_FAIL) made->many = manyInserts(op);
    if (op.code == AIP_OP_UPDATE && !expects(op) && namesItsRows(op) && leavesNames(op)) made->many = manyUpdates(op);
    if (!made->many.empty()) {
        const sql::Table& table = *catalog_.find(aip::view(op.table));
        for (std::size_t i = 0; i < op.set_n; ++i) made->types.push_back(table.find(aip::view(op.set[i].column))->type);
        for (std::size_t i = 0; i < op.where_n; ++i) made->types.push_back(table.find(aip::view(op.where[i].column))->type);
    }
    static std::atomic<std::uint64_t> ids{1};
    if (op.code == AIP_OP_INSERT || namesItsRows(op)) made->id = ids.fetch_add(3);
    made->plan = std::move(*plan);
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMostKnown) known_.clear();
    known_.emplace(std::move(shape), made);
    return std::shared_ptr<const Statement>(made);
}

std::string Statements::manyInserts(const aip_op& op) const {
    const sql::Table& table = *catalog_.find(aip::view(op.table));
    std::string columns, arrays;
    for (std::size_t i = 0; i < op.set_n; ++i) {
        columns += i == 0 ? "" : ", ";
        arrays += i == 0 ? "" : ", ";
        dialect_.quoted(columns, aip::view(op.set[i].column));
        dialect_.placeholder(arrays, i + 1);
    }
    std::string sql = "INSERT INTO ";
    dialect_.table(sql, table.name);
    return sql.append(" (").append(columns).append(") SELECT * FROM unnest(").append(arrays).append(")");
}

/// v: a column for each value, those that are set and then those that name the row, and the number of the operation.
std::string Statements::manyUpdates(const aip_op& op) const {
    const sql::Table& table = *catalog_.find(aip::view(op.table));
    std::string set, arrays, names, where;
    const auto value = [&](std::size_t at) {
        const std::string name = "v" + std::to_string(at);
        arrays += at == 0 ? "" : ", ";
        dialect_.placeholder(arrays, at + 1);
        names += name + ", ";
        return "v." + name;
    };
    for (std::size_t i = 0; i < op.set_n; ++i) {
        set += i == 0 ? "" : ", ";
        dialect_.quoted(set, aip::view(op.set[i].column));
        set += " = ";
        if (op.set[i].mode == AIP_ADD) {
            set += "t.";
            dialect_.quoted(set, aip::view(op.set[i].column));
            set += " + ";
        }
        set += value(i);
    }
    for (std::size_t i = 0; i < op.where_n; ++i) {
        where += i == 0 ? "t." : " AND t.";
        dialect_.quoted(where, aip::view(op.where[i].column));
        where += " = " + value(op.set_n + i);
    }
    std::string sql = "UPDATE ";
    dialect_.table(sql, table.name);
    sql += " t SET " + set + " FROM unnest(" + arrays + ") WITH ORDINALITY AS v(" + names + "n) WHERE " + where + " RETURNING v.n";
    return sql;
}

aip::Status Run::all(const aip::Ops& ops, const std::vector<std::string>& before, const std::vector<std::string>& after) {
    const auto groups = sql::hasGroups(ops);
    if (!groups) return groups.fail();
    const auto mark = out_.mark();
    aip::Status done = atOnce(ops, before, after, *groups);
    if (done || !*groups || connection_.broken() || connection_.lostRace() || !sql::concernsOnlyItsGroup(done.fail().status)) return done;
    out_.rewind(mark);
    if (auto back = command(kBackToCall); !back) return back;
    return groupByGroup(ops, after);
}

aip::Status Run::command(const std::string& sql) {
    auto told = connection_.ask(sql, call_);
    return told ? aip::Status() : aip::Status(told.fail());
}

aip::Status Run::atOnce(const aip::Ops& ops, const std::vector<std::string>& before, const std::vector<std::string>& after, bool groups) {
    std::vector<std::string> first = before;
    if (groups) first.emplace_back(kCallPoint);
    for (const auto& sql : first)
        if (auto queued = connection_.queue(sql); !queued) return queued;
    return behind(first.size(), ops, after);
}

aip::Status Run::snapshot(const aip::Ops& ops, std::int64_t boundMs) {
    auto bound = connection_.queueBound(boundMs);
    if (!bound) return bound.fail();
    return behind(*bound, ops, none());
}

aip::Status Run::behind(std::size_t answersFirst, const aip::Ops& ops, const std::vector<std::string>& after) {
    std::vector<Sent> sent;
    aip::Status fits;
    for (std::size_t at = 0; at < ops.size() && fits;) {
        auto one = send(ops, at, true);
        if (one) {
            at += one->count;
            sent.push_back(std::move(*one));
        } else {
            fits = one.fail();
        }
    }
    const std::vector<std::string>& last = fits ? after : none();
    for (const auto& sql : last)
        if (auto queued = connection_.queue(sql); !queued) return queued;
    if (connection_.broken()) return fits;
    if (auto fenced = connection_.fence(); !fenced) return fenced;
    aip::Status done;
    const auto answers = [&](std::size_t count) {
        for (std::size_t i = 0; i < count && done; ++i)
            if (auto told = connection_.answer(call_); !told) done = told.fail();
    };
    answers(answersFirst);
    for (auto one = sent.begin(); one != sent.end() && done; ++one) done = receive(ops, *one);
    answers(last.size());
    if (connection_.broken()) return done;
    if (auto passed = connection_.pass(call_); !passed) return done ? passed : done;
    return done ? fits : done;
}

aip::Status Run::groupByGroup(const aip::Ops& ops, const std::vector<std::string>& after) {
    enum class Group { None, Open, Failed } group = Group::None;
    for (std::size_t at = 0; at < ops.size(); ++at) {
        const aip_op& op = ops[at];
        if (op.code == AIP_OP_SAVEPOINT) {
            if (auto begun = command(kGroup); !begun) return begun;
            group = Group::Open;
            out_.record(AIP_OK);
            continue;
        }
        if (op.code == AIP_OP_RELEASE) {
            if (group == Group::Open)
                if (auto released = command(kEndOfGroup); !released) return released;
            group = Group::None;
            out_.record(AIP_OK);
            continue;
        }
        if (group == Group::Failed) {
            out_.record(AIP_E_CANCELLED);
            continue;
        }
        const auto mark = out_.mark();
        aip::Status done = alone(ops, at);
        if (done) continue;
        if (group == Group::None || connection_.broken() || connection_.lostRace() || !sql::concernsOnlyItsGroup(done.fail().status))
            return done;
        if (auto undone = command(kUndoGroup); !undone) return undone;
        if (auto released = command(kEndOfGroup); !released) return released;
        out_.rewind(mark);
        out_.record(done.fail().status);
        group = Group::Failed;
    }
    for (const auto& sql : after)
        if (auto ended = command(sql); !ended) return ended;
    return {};
}

aip::Status Run::alone(const aip::Ops& ops, std::size_t at) {
    auto sent = send(ops, at, false);
    if (!sent) {
        // Nothing of it was queued, or the connection is gone.
        return sent.fail();
    }
    if (auto fenced = connection_.fence(); !fenced) return fenced;
    aip::Status done = receive(ops, *sent);
    if (connection_.broken()) return done;
    if (auto passed = connection_.pass(call_); !passed) return passed;
    return done;
}

aip::Outcome<Run::Sent> Run::send(const aip::Ops& ops, std::size_t at, bool together) {
    const aip_op& op = ops[at];
    const bool reads = op.code == AIP_OP_SELECT || op.code == AIP_OP_COUNT || op.code == AIP_OP_NOW;
    if (access_ == Access::ReadOnly && !reads) return aip::invalid("a snapshot is only read");
    Sent sent;
    sent.first = at;
    switch (op.code) {
        case AIP_OP_INSERT:
        case AIP_OP_UPDATE:
        case AIP_OP_REMOVE:
        case AIP_OP_SELECT:
        case AIP_OP_COUNT: return sendStatement(ops, at, together);
        case AIP_OP_LOCK: {
            if (op.table.n == 0) return aip::invalid("a lock without a name");
            auto queued = queueLock(connection_, statements_.locks(), statements_.schema(), aip::view(op.table));
            if (!queued) return queued.fail();
            return sent;
        }
        case AIP_OP_SAVEPOINT:
        case AIP_OP_RELEASE: sent.silent = true; return sent;
        case AIP_OP_NOW:
            if (auto queued = connection_.queue("SELECT clock_timestamp()"); !queued) return queued.fail();
            return sent;
        default: return aip::unsupported("an unknown operation");
    }
}

aip::Outcome<Run::Sent> Run::sendStatement(const aip::Ops& ops, std::size_t at, bool together) {
    const aip_op& op = ops[at];
    if (auto fine = sql::checkBounds(op); !fine) return fine.fail();
    auto statement = statements_.of(op);
    if (!statement) return statement.fail();
    Sent sent;
    sent.first = at;
    sent.statement = *statement;
    const sql::Plan& plan = sent.statement->plan;
    const std::uint64_t id = sent.statement->id;
    if (together && !sent.statement->many.empty()) sent.count = alike(ops, at, *sent.statement);
    if (sent.count > 1) {
        if (auto queued = sendMany(ops, sent); !queued) return queued.fail();
        return sent;
    }
    Parameters parameters;
    if (auto bound = bind(op, plan, parameters); !bound) return bound.fail();
    if (!plan.before.empty()) {
        if (auto queued = queue(id == 0 ? 0 : id + 2, plan.before, parameters, sent.answersBefore); !queued) return queued.fail();
        ++sent.answersBefore;
    }
    if (expects(op)) parameters.addInteger(op.expect);
    if (auto queued = queue(id, plan.sql, parameters, sent.answersBefore); !queued) return queued.fail();
    return sent;
}

std::size_t Run::alike(const aip::Ops& ops, std::size_t at, const Statements::Statement& statement) {
    const bool updates = ops[at].code == AIP_OP_UPDATE;
    // One statement changes a row once: whoever names the same rows again waits for the next.
    std::set<std::string> named;
    std::size_t count = 0;
    for (; at + count < ops.size(); ++count) {
        const aip_op& next = ops[at + count];
        if (next.code != ops[at].code || !sql::checkBounds(next)) break;
        if (auto same = statements_.of(next); !same || same->get() != &statement) break;
        if (!updates) continue;
        std::string key;
        for (std::size_t i = 0; i < next.where_n; ++i) appendKey(next.where[i].values[0], key);
        if (!named.insert(std::move(key)).second) break;
    }
    return std::max<std::size_t>(count, 1);
}

aip::Status Run::sendMany(const aip::Ops& ops, Sent& sent) {
    const aip_op& first = ops[sent.first];
    const bool updates = first.code == AIP_OP_UPDATE;
    const auto valueOf = [&](std::size_t op, std::size_t column) -> const aip_value& {
        return column < first.set_n ? ops[op].set[column].value : ops[op].where[column - first.set_n].values[0];
    };
    Parameters parameters;
    const std::size_t columns = first.set_n + (updates ? first.where_n : 0);
    for (std::size_t column = 0; column < columns; ++column) {
        Parameters::Array array(sent.statement->types[column], sent.count);
        for (std::size_t i = 0; i < sent.count; ++i) {
            const aip_value& value = valueOf(sent.first + i, column);
            if (!sql::wellFormed(value)) return aip::invalid("text that is not UTF-8 without NUL, or a boolean that is not 0 or 1");
            if (!array.add(value)) return aip::invalid("a value does not fit its column");
        }
        parameters.add(array);
    }
    sent.numbered = updates;
    // A join is planned for the tables as they are now.
    if (updates) return connection_.queue(sent.statement->many, &parameters);
    return queue(sent.statement->id + 1, sent.statement->many, parameters, sent.answersBefore);
}

aip::Status Run::queue(std::uint64_t id, const std::string& sql, Parameters& parameters, std::size_t& answersBefore) {
    if (id == 0) return connection_.queue(sql, &parameters);
    auto queued = connection_.queuePrepared(id, sql, parameters);
    if (!queued) return queued.fail();
    answersBefore += *queued;
    return {};
}

aip::Status Run::bind(const aip_op& op, const sql::Plan& plan, Parameters& into) {
    for (const sql::Bind& bind : plan.binds) {
        if (bind.from == sql::Bind::From::Limit) {
            into.addInteger(op.limit);
        } else if (bind.from == sql::Bind::From::PrefixEnd) {
            // No statement of this dialect uses it.
            into.addInteger(0);
        } else {
            const aip_value& value = sql::valueOf(op, bind);
            if (!sql::wellFormed(value)) return aip::invalid("text that is not UTF-8 without NUL, or a boolean that is not 0 or 1");
            if (!into.add(value)) return aip::invalid("a value does not fit its column");
        }
    }
    return {};
}

aip::Status Run::receive(const aip::Ops& ops, const Sent& sent) {
    const aip_op& op = ops[sent.first];
    if (sent.silent) {
        out_.record(AIP_OK);
        return {};
    }
    for (std::size_t i = 0; i < sent.answersBefore; ++i)
        if (auto told = connection_.answer(call_); !told) return told.fail();
    auto told = connection_.answer(call_);
    if (!told) return told.fail();
    const pg_result* result = told->get();
    if (op.code == AIP_OP_SELECT || op.code == AIP_OP_NOW) {
        static const std::vector<std::uint32_t> kTime{AIP_V_TIME};
        const auto& types = op.code == AIP_OP_NOW ? kTime : sent.statement->plan.columnTypes;
        out_.beginRows(static_cast<std::uint32_t>(types.size()));
        for (int row = 0; row < PQntuples(result); ++row)
            for (std::size_t column = 0; column < types.size(); ++column)
                if (!writeValue(result, row, static_cast<int>(column), types[column], out_))
                    return aip::internal("the store holds a value of another type than its schema says");
        out_.endRows();
    } else if (op.code == AIP_OP_COUNT || expects(op)) {
        out_.record(AIP_OK, integerAt(result, 0, 0));
    } else if (op.code == AIP_OP_LOCK) {
        out_.record(AIP_OK);
    } else if (sent.numbered) {
        std::vector<std::int64_t> changed(sent.count);
        for (int row = 0; row < PQntuples(result); ++row) {
            const auto number = integerAt(result, row, 0);
            if (number < 1 || static_cast<std::size_t>(number) > sent.count)
                return aip::internal("the store numbers what it was not given");
            ++changed[static_cast<std::size_t>(number) - 1];
        }
        for (const auto rows : changed) out_.record(AIP_OK, rows);
    } else if (sent.count > 1) {
        for (std::size_t i = 0; i < sent.count; ++i) out_.record(AIP_OK, 1);
    } else {
        out_.record(AIP_OK, affected(result));
    }
    return {};
}

}  // namespace agentidp::storage_postgresql
