#pragma once
/// @file plugins/storage-postgresql/connection.h
/// One connection: a Poco::Data session that Poco opens, worked through its native handle without blocking and in libpq's pipeline mode
/// (manual, chapter 34.5): statements are queued, a fence ends them, and one round trip brings all answers. Nothing is asked of the session
/// that a pooler in transaction mode would lose: statements are prepared only where the server itself is at the other end. One thread at a
/// time.
///
/// After a failed wait (deadline, cancellation, a broken connection) answers may still be on their way: the connection is `broken` then and
/// is thrown away, which ends its transaction on the server.
#include <agentidp/plugin.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "parameters.h"

struct pg_conn;
struct pg_result;

namespace agentidp::storage_postgresql {

struct ResultEnd {
    void operator()(pg_result* result) const;
};
using Answer = std::unique_ptr<pg_result, ResultEnd>;

class Connection {
public:
    /// `url`: a libpq connection string or postgresql:// URI, with several hosts if it names them. Refuses a server that would lose what
    /// it acknowledged (fsync or synchronous_commit off), one that is too old, and a database that is not UTF-8.
    /// `prepare` false: never prepares a statement.
    [[nodiscard]] static aip::Outcome<std::unique_ptr<Connection>> open(const aip::Secret& url, bool prepare, const aip::Call& call);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Looks at the socket without waiting: false where the server closed it meanwhile.
    [[nodiscard]] bool alive();
    [[nodiscard]] bool broken() const { return broken_; }
    /// Whether the last statement that failed did so because another transaction was first: that ends its whole transaction, whatever
    /// savepoint it stood behind, and the same may succeed in a new one.
    [[nodiscard]] bool lostRace() const { return lostRace_; }

    /// Queues one statement; its answer is the next of `answer`.
    aip::Status queue(const std::string& sql, Parameters* parameters = nullptr);
    /// The same by the name the statement has on this connection, `id` being the same for the same text and types of parameters. Answers
    /// how many answers that say nothing stand in front of its own: the one of its preparation, where this is the first time.
    aip::Outcome<std::size_t> queuePrepared(std::uint64_t id, const std::string& sql, Parameters& parameters);
    /// The server itself is at the other end, so that a session is ours: what is set in it holds until the connection ends.
    [[nodiscard]] bool direct() const { return direct_; }
    /// For a session of ours: from now on what stands between two fences reads one snapshot, without BEGIN and COMMIT.
    aip::Status readSnapshots(const aip::Call& call);
    /// For a session of ours: queues what makes the server end a statement after about `ms` more, unless it does that already. Answers how
    /// many answers that brings.
    aip::Outcome<std::size_t> queueBound(std::int64_t ms);
    /// Whether a failure meant that what was prepared here is of no use any more: then nothing is prepared here again.
    [[nodiscard]] bool forgotPrepared();
    /// Ends what was queued: after an error the server skips statements up to here.
    aip::Status fence();
    /// The answer of the next queued statement. A statement that failed, or was skipped after one that did, is a Fail.
    aip::Outcome<Answer> answer(const aip::Call& call);
    /// Drops the answers left before the next fence, and passes it.
    aip::Status pass(const aip::Call& call);
    /// queue, fence, answer, pass.
    aip::Outcome<Answer> ask(const std::string& sql, const aip::Call& call, Parameters* parameters = nullptr);

    /// Waits for the next NOTIFY of a channel that was listened to, at most `within`. Fails where the connection broke.
    aip::Outcome<bool> notified(std::chrono::milliseconds within, const std::function<bool()>& stopping);

    /// COPY ... TO STDOUT, piece by piece, until `take` answers false. The connection does nothing else any more.
    aip::Status copyOut(const std::string& sql, const std::function<bool(std::string_view)>& take, const aip::Call& call);
    /// COPY ... FROM STDIN of pieces until `give` answers none. Statements before and after it run by ask.
    aip::Status copyIn(const std::string& sql, const std::function<aip::Outcome<std::string>()>& give, const aip::Call& call);

    [[nodiscard]] pg_conn* native() const { return native_; }

private:
    struct Session;
    Connection();
    aip::Status fit(const aip::Call& call);
    /// Until something can be read (or written, where `toWrite`).
    aip::Status wait(bool toWrite, const aip::Call& call);
    aip::Fail lost(const std::string& what);
    aip::Outcome<Answer> next(const aip::Call& call);
    void settlePrepared(std::uint64_t id, bool held);
    /// `wanted`: the ExecStatusType of libpq that says the copy runs.
    aip::Status beginCopy(const std::string& sql, int wanted, const aip::Call& call);

    std::unique_ptr<Session> session_;
    pg_conn* native_ = nullptr;
    bool broken_ = false;
    bool lostRace_ = false;
    bool forgotPrepared_ = false;
    bool direct_ = false;
    bool prepares_ = false;
    std::int64_t boundMs_ = 0;  ///< of the session; 0: not known
    struct Prepared {
        std::string name;
        bool sure = false;  ///< its answer was read
    };
    std::unordered_map<std::uint64_t, Prepared> prepared_;
    std::uint64_t names_ = 0;           ///< no name is given twice: one whose answer was dropped may be there
    std::deque<std::uint64_t> queued_;  ///< of each statement whose answer is on its way: the id that it prepares, or 0
};

}  // namespace agentidp::storage_postgresql
