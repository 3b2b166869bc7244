#pragma once
/// @file kernel/audit/ledger.h
/// The ledger: every change and every grant joins a batch, the batch is committed durably in one transaction, and only then
/// do continuations run and answers leave (docs/audit-ledger.md).
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/audit_event.h"
#include "plugin/storage.h"

namespace agentidp::audit {

/// A mutation as a value. The appender runs `ops` under a savepoint inside the batch's transaction, then appends `events`:
/// both happen or neither. With no ops it is an event only.
struct Effect {
    std::vector<plugin::Op> ops;
    std::vector<model::AuditEvent> events;
    /// One token counted against an agent's month (row of token_monthly_counts), added once per agent per batch.
    struct Tally {
        std::int64_t agentNum = 0;
        std::int64_t month = 0;  ///< yyyymm, UTC
        /// Past it the Effect is Denied and nothing of it written, whatever any other replica wrote meanwhile. For an Effect without ops
        /// only.
        std::optional<std::int64_t> limit;
    };
    std::optional<Tally> tally;
    bool enriched = false;  ///< hooks were asked about `events` already
    /// Whoever waits for it waits for something else as long (a signature being made beside it): its batch may wait for more of its kind.
    bool patient = false;
};

/// What a committed Effect learns.
struct Committed {
    std::uint64_t firstIndex = 0;  ///< ledger index of its first event
    std::uint64_t size = 0;        ///< tree size after the batch
    /// Results of `ops`, in order (for example the rows of a select among them).
    std::vector<plugin::OpResult> results;
};

/// Called exactly once, after durability or failure. It must not block: hand over and return. On the appender's thread, but
/// that a refusal to queue at all (TooMany; Unavailable before start and after stop) is told on the caller's, before append returns.
/// Errors: Conflict, NotFound, Exists, Denied (that Effect alone was undone), Unavailable (storage; nothing of the batch is durable),
/// Deadline (2 s in the queue), TooMany (the queue is full).
using Continuation = std::function<void(base::Result<Committed>)>;

/// Sees every committed event in ledger order, on the appender's thread, before the continuations run: caches follow the
/// ledger, so an answer never leaves ahead of what it changed. Must not block.
using Observer = std::function<void(std::span<const model::AuditEvent>)>;

/// What other rooms need of the ledger. Any thread; never blocks.
class Ledger {
public:
    virtual ~Ledger() = default;
    virtual void append(Effect effect, Continuation then) = 0;
};

}  // namespace agentidp::audit
