#include "connection.h"

#include <Poco/Data/PostgreSQL/SessionHandle.h>
#include <Poco/Data/PostgreSQL/SessionImpl.h>
#include <Poco/Data/PostgreSQL/Utility.h>
#include <Poco/Data/Session.h>
#include <Poco/Exception.h>
#include <Poco/Version.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "address.h"
#include "failure.h"

namespace agentidp::storage_postgresql {

namespace {

using std::chrono::milliseconds;

/// How long a cancellation may go unseen.
constexpr milliseconds kLook{50};
constexpr int kOldest = 140'000;
/// Calls of one kind have about the same time left.
constexpr std::int64_t kBoundStep = 1'000;
/// Statements of more shapes are parsed anew each time: a server keeps what was prepared in its memory.
constexpr std::size_t kPreparedMost = 256;

std::string_view stateOf(const pg_result* result) {
    const char* state = result != nullptr ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
    return state != nullptr ? state : "";
}

}  // namespace

void ResultEnd::operator()(pg_result* result) const { PQclear(result); }

struct Connection::Session {
    explicit Session(const std::string& pairs)
        : poco(Poco::AutoPtr<Poco::Data::SessionImpl>(new Poco::Data::PostgreSQL::SessionImpl(pairs))) {}
    Poco::Data::Session poco;
};

Connection::Connection() = default;

/// Poco gives a connection back to libpq only while it is well: a broken one would stay in memory for ever.
Connection::~Connection() {
    static_assert(POCO_VERSION < 0x010C0000, "look at SessionHandle::disconnect again before this is built with a younger Poco");
    pg_conn* const broken = native_ != nullptr && PQstatus(native_) != CONNECTION_OK ? native_ : nullptr;
    session_.reset();
    if (broken != nullptr) PQfinish(broken);
}

aip::Outcome<std::unique_ptr<Connection>> Connection::open(const aip::Secret& url, bool prepare, const aip::Call& call) {
    auto pairs = reachable(url, call);
    if (!pairs) return pairs.fail();
    std::unique_ptr<Connection> made(new Connection);
    std::string text((*pairs).view());
    try {
        made->session_ = std::make_unique<Session>(text);
        made->native_ = static_cast<PGconn*>(*Poco::Data::PostgreSQL::Utility::handle(made->session_->poco));
        aip::wipe(text.data(), text.size());
    } catch (const Poco::Exception& thrown) {
        aip::wipe(text.data(), text.size());
        return aip::unavailable("the PostgreSQL server does not answer", trimmed(thrown.message().c_str()));
    }
    if (PQstatus(made->native_) != CONNECTION_OK || PQsetnonblocking(made->native_, 1) != 0 || PQenterPipelineMode(made->native_) != 1)
        return aip::unavailable("the PostgreSQL server does not answer", trimmed(PQerrorMessage(made->native_)));
    // What a server merely remarks would go to standard error, which belongs to the daemon's log.
    PQsetNoticeReceiver(
        made->native_, [](void*, const pg_result*) {}, nullptr);
    if (auto fits = made->fit(call); !fits) return fits.fail();
    made->prepares_ = made->direct_ && prepare;
    return made;
}

aip::Status Connection::fit(const aip::Call& call) {
    const int version = PQserverVersion(native_);
    if (version < kOldest)
        return aip::unsupported("the PostgreSQL server is too old: 14 or later is needed", "server_version_num " + std::to_string(version));
    auto told =
        ask("SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_encoding'), "
            "pg_backend_pid()::text",
            call);
    if (!told) return told.fail();
    const auto is = [&](int column, std::string_view value) { return std::string_view(PQgetvalue(told->get(), 0, column)) == value; };
    if (is(0, "off")) return aip::unsupported("the PostgreSQL server runs with fsync off: what it acknowledges may be lost");
    if (is(1, "off"))
        return aip::unsupported("the PostgreSQL server runs with synchronous_commit off for this role: what it acknowledges may be lost");
    if (!is(2, "UTF8")) return aip::unsupported("the PostgreSQL database is not encoded in UTF8", PQgetvalue(told->get(), 0, 2));
    // A pooler gives its clients process numbers of its own.
    direct_ = is(3, std::to_string(PQbackendPID(native_)));
    return {};
}

aip::Fail Connection::lost(const std::string& what) {
    broken_ = true;
    return aip::unavailable("the PostgreSQL server does not answer", what + ": " + trimmed(PQerrorMessage(native_)));
}

bool Connection::alive() {
    if (broken_ || PQstatus(native_) != CONNECTION_OK) return false;
    pollfd look{PQsocket(native_), POLLIN, 0};
    if (::poll(&look, 1, 0) > 0 && PQconsumeInput(native_) != 1) broken_ = true;
    // A server that ends sends its farewell first, and then the end of the stream.
    if (!broken_ && ::poll(&look, 1, 0) > 0 && PQconsumeInput(native_) != 1) broken_ = true;
    return !broken_ && PQstatus(native_) == CONNECTION_OK;
}

aip::Status Connection::queue(const std::string& sql, Parameters* parameters) {
    const auto raw = parameters != nullptr ? parameters->raw() : Parameters::Raw{0, nullptr, nullptr, nullptr, nullptr};
    if (PQsendQueryParams(native_, sql.c_str(), raw.count, raw.types, raw.values, raw.lengths, raw.formats, 1) != 1) return lost("send");
    queued_.push_back(0);
    return {};
}

aip::Outcome<std::size_t> Connection::queuePrepared(std::uint64_t id, const std::string& sql, Parameters& parameters) {
    auto known = prepared_.find(id);
    if (!prepares_ || (known == prepared_.end() && prepared_.size() >= kPreparedMost)) {
        if (auto queued = queue(sql, &parameters); !queued) return queued.fail();
        return std::size_t{0};
    }
    const auto raw = parameters.raw();
    const bool first = known == prepared_.end();
    if (first) {
        known = prepared_.emplace(id, Prepared{"aip_" + std::to_string(++names_)}).first;
        if (PQsendPrepare(native_, known->second.name.c_str(), sql.c_str(), raw.count, raw.types) != 1) return lost("send");
        queued_.push_back(id);
    }
    if (PQsendQueryPrepared(native_, known->second.name.c_str(), raw.count, raw.values, raw.lengths, raw.formats, 1) != 1)
        return lost("send");
    queued_.push_back(0);
    return std::size_t{first ? 1U : 0U};
}

bool Connection::forgotPrepared() {
    if (!prepares_ || !forgotPrepared_) return false;
    prepares_ = false;
    prepared_.clear();
    return true;
}

aip::Status Connection::readSnapshots(const aip::Call& call) {
    auto told = ask("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ", call);
    return told ? aip::Status() : aip::Status(told.fail());
}

aip::Outcome<std::size_t> Connection::queueBound(std::int64_t ms) {
    const std::int64_t rounded = (ms / kBoundStep + 1) * kBoundStep;
    if (rounded == boundMs_) return std::size_t{0};
    if (auto queued = queue("SET statement_timeout = " + std::to_string(rounded)); !queued) return queued.fail();
    boundMs_ = rounded;
    return std::size_t{1};
}

void Connection::settlePrepared(std::uint64_t id, bool held) {
    const auto known = prepared_.find(id);
    if (known == prepared_.end()) return;
    if (held)
        known->second.sure = true;
    else if (!known->second.sure)
        prepared_.erase(known);
}

aip::Status Connection::fence() {
    if (PQpipelineSync(native_) == 1) return {};
    return lost("send");
}

aip::Status Connection::wait(bool toWrite, const aip::Call& call) {
    for (;;) {
        if (auto over = call.check(); !over) {
            broken_ = true;
            return over;
        }
        const auto left = std::chrono::duration_cast<milliseconds>(call.left()) + milliseconds(1);
        pollfd look{PQsocket(native_), static_cast<short>(POLLIN | (toWrite ? POLLOUT : 0)), 0};
        const int ready = ::poll(&look, 1, static_cast<int>(std::min(left, kLook).count()));
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR) return lost("poll");
    }
}

aip::Outcome<Answer> Connection::next(const aip::Call& call) {
    for (;;) {
        const int unsent = PQflush(native_);
        if (unsent < 0) return lost("send");
        if (unsent == 0 && PQisBusy(native_) == 0) return Answer(PQgetResult(native_));
        if (auto ready = wait(unsent > 0, call); !ready) return ready.fail();
        if (PQconsumeInput(native_) != 1) return lost("receive");
    }
}

aip::Outcome<Answer> Connection::answer(const aip::Call& call) {
    auto first = next(call);
    if (!first) return first;
    if (*first == nullptr) return lost("an answer is missing");
    const auto status = PQresultStatus(first->get());
    if (!queued_.empty()) {
        if (queued_.front() != 0) settlePrepared(queued_.front(), status == PGRES_COMMAND_OK);
        queued_.pop_front();
    }
    // Behind each statement's answer stands a null.
    if (status != PGRES_PIPELINE_SYNC) {
        auto end = next(call);
        if (!end) return end;
    }
    switch (status) {
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK: lostRace_ = false; return first;
        case PGRES_PIPELINE_ABORTED: return aip::cancelled("a statement before it failed");
        case PGRES_FATAL_ERROR: {
            if (PQstatus(native_) != CONNECTION_OK) broken_ = true;
            const char* text = PQresultErrorField(first->get(), PG_DIAG_MESSAGE_PRIMARY);
            boundMs_ = 0;  // what was set behind the same fence is undone
            lostRace_ = isLostRace(stateOf(first->get()));
            forgotPrepared_ = isForgotten(stateOf(first->get()));
            return failureOf(stateOf(first->get()), trimmed(text != nullptr ? text : PQresultErrorMessage(first->get())));
        }
        default: return lost("an unexpected answer");
    }
}

aip::Status Connection::pass(const aip::Call& call) {
    for (; !queued_.empty(); queued_.pop_front())
        if (queued_.front() != 0) settlePrepared(queued_.front(), false);
    // Two nulls in a row: nothing is on its way any more.
    for (int nulls = 0; nulls < 2;) {
        auto result = next(call);
        if (!result) return result.fail();
        if (*result != nullptr && PQresultStatus(result->get()) == PGRES_PIPELINE_SYNC) return {};
        if (PQstatus(native_) != CONNECTION_OK) break;
        nulls = *result == nullptr ? nulls + 1 : 0;
    }
    return lost("a fence is missing");
}

aip::Outcome<Answer> Connection::ask(const std::string& sql, const aip::Call& call, Parameters* parameters) {
    if (auto queued = queue(sql, parameters); !queued) return queued.fail();
    if (auto fenced = fence(); !fenced) return fenced.fail();
    auto told = answer(call);
    if (broken_) return told;
    if (auto passed = pass(call); !passed) return passed.fail();
    return told;
}

aip::Outcome<bool> Connection::notified(milliseconds within, const std::function<bool()>& stopping) {
    const auto until = std::chrono::steady_clock::now() + within;
    for (;;) {
        if (PQconsumeInput(native_) != 1) return lost("receive");
        bool any = false;
        while (PGnotify* note = PQnotifies(native_)) {
            any = true;
            PQfreemem(note);
        }
        if (any) return true;
        if (stopping() || std::chrono::steady_clock::now() >= until) return false;
        pollfd look{PQsocket(native_), POLLIN, 0};
        (void)::poll(&look, 1, static_cast<int>(kLook.count()));
    }
}

aip::Status Connection::beginCopy(const std::string& sql, int wanted, const aip::Call& call) {
    if (PQpipelineStatus(native_) != PQ_PIPELINE_OFF && PQexitPipelineMode(native_) != 1) return lost("leave the pipeline");
    if (PQsendQuery(native_, sql.c_str()) != 1) return lost("send");
    auto begun = next(call);
    if (!begun) return begun.fail();
    if (*begun != nullptr && PQresultStatus(begun->get()) == wanted) return {};
    broken_ = true;
    return failureOf(stateOf(begun->get()), trimmed(PQerrorMessage(native_)));
}

aip::Status Connection::copyOut(const std::string& sql, const std::function<bool(std::string_view)>& take, const aip::Call& call) {
    if (auto begun = beginCopy(sql, PGRES_COPY_OUT, call); !begun) return begun;
    for (;;) {
        char* piece = nullptr;
        const int got = PQgetCopyData(native_, &piece, 1);
        if (got > 0) {
            const bool taken = take({piece, static_cast<std::size_t>(got)});
            PQfreemem(piece);
            if (taken) continue;
            broken_ = true;
            return aip::cancelled("the receiver took no more");
        }
        if (got == -1) break;
        if (got == -2) return lost("copy");
        if (auto ready = wait(false, call); !ready) return ready;
        if (PQconsumeInput(native_) != 1) return lost("receive");
    }
    for (;;) {
        auto end = next(call);
        if (!end) return end.fail();
        if (*end == nullptr) return {};
        if (PQresultStatus(end->get()) != PGRES_COMMAND_OK) return lost("copy");
    }
}

aip::Status Connection::copyIn(const std::string& sql, const std::function<aip::Outcome<std::string>()>& give, const aip::Call& call) {
    if (auto begun = beginCopy(sql, PGRES_COPY_IN, call); !begun) return begun;
    for (;;) {
        auto piece = give();
        if (!piece) {
            broken_ = true;
            return piece.fail();
        }
        if (piece->empty()) break;
        for (int put = 0; (put = PQputCopyData(native_, piece->data(), static_cast<int>(piece->size()))) != 1;) {
            if (put < 0) return lost("copy");
            if (auto ready = wait(true, call); !ready) return ready;
        }
    }
    for (int put = 0; (put = PQputCopyEnd(native_, nullptr)) != 1;) {
        if (put < 0) return lost("copy");
        if (auto ready = wait(true, call); !ready) return ready;
    }
    aip::Status done;
    for (;;) {
        auto end = next(call);
        if (!end) return end.fail();
        if (*end == nullptr) break;
        if (PQresultStatus(end->get()) != PGRES_COMMAND_OK) {
            done = failureOf(stateOf(end->get()), trimmed(PQresultErrorMessage(end->get())));
        }
    }
    if (PQenterPipelineMode(native_) != 1) return lost("enter the pipeline");
    return done;
}

}  // namespace agentidp::storage_postgresql
