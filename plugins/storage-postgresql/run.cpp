#include "run.h"

#include <libpq-fe.h>

#include <charconv>

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

const std::vector<std::string>& none() {
    static const std::vector<std::string> kNone;
    return kNone;
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
    if (op.code == AIP_OP_INSERT) {
        const sql::Table& table = *catalog_.find(aip::view(op.table));
        std::string columns, arrays;
        for (std::size_t i = 0; i < op.set_n; ++i) {
            const sql::Column& column = *table.find(aip::view(op.set[i].column));
            made->setTypes.push_back(column.type);
            columns += i == 0 ? "" : ", ";
            arrays += i == 0 ? "" : ", ";
            dialect_.quoted(columns, column.name);
            dialect_.placeholder(arrays, i + 1);
        }
        if (op.on_conflict == AIP_CONFLICT_FAIL) {
            made->many = "INSERT INTO ";
            dialect_.table(made->many, table.name);
            made->many.append(" (").append(columns).append(") SELECT * FROM unnest(").append(arrays).append(")");
        }
    }
    made->plan = std::move(*plan);
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMostKnown) known_.clear();
    known_.emplace(std::move(shape), made);
    return std::shared_ptr<const Statement>(made);
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
    answers(first.size());
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
    if (together && !sent.statement->many.empty()) {
        while (at + sent.count < ops.size() && ops[at + sent.count].code == AIP_OP_INSERT) {
            const aip_op& next = ops[at + sent.count];
            if (!sql::checkBounds(next)) break;
            auto same = statements_.of(next);
            if (!same || *same != sent.statement) break;
            ++sent.count;
        }
    }
    Parameters parameters;
    if (sent.count > 1) {
        for (std::size_t column = 0; column < sent.statement->setTypes.size(); ++column) {
            Parameters::Array array(sent.statement->setTypes[column], sent.count);
            for (std::size_t i = 0; i < sent.count; ++i) {
                const aip_value& value = ops[at + i].set[column].value;
                if (!sql::wellFormed(value)) return aip::invalid("text that is not UTF-8 without NUL, or a boolean that is not 0 or 1");
                if (!array.add(value)) return aip::invalid("a value does not fit its column");
            }
            parameters.add(array);
        }
        if (auto queued = connection_.queue(sent.statement->many, &parameters); !queued) return queued.fail();
        return sent;
    }
    if (auto bound = bind(op, plan, parameters); !bound) return bound.fail();
    if (!plan.before.empty()) {
        if (auto queued = connection_.queue(plan.before, &parameters); !queued) return queued.fail();
        sent.answersBefore = 1;
    }
    if (expects(op)) parameters.addInteger(op.expect);
    if (auto queued = connection_.queue(plan.sql, &parameters); !queued) return queued.fail();
    return sent;
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
    } else if (sent.count > 1) {
        for (std::size_t i = 0; i < sent.count; ++i) out_.record(AIP_OK, 1);
    } else {
        out_.record(AIP_OK, affected(result));
    }
    return {};
}

}  // namespace agentidp::storage_postgresql
