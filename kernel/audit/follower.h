#pragma once
/// @file kernel/audit/follower.h
/// The ledger as the one feed of changes: what any process appended is read behind a mark and told, in ledger order, to whoever keeps
/// something in memory. Own entries are told again: an answer that was lost may have been durable.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/audit_event.h"
#include "plugin/storage.h"

namespace agentidp::audit {

struct FollowerOptions {
    std::vector<model::Action> actions;  ///< only these are read and told
    base::milliseconds apart{20};        ///< hints that come closer together than this are one look
    std::uint32_t page = 1'000;          ///< entries a read, 1 to 10,000
    /// On the follower's thread; may block. Where it fails, the same events come again with the next look. Neither `agentNum` nor
    /// `organizationNum` of an event is set.
    std::function<base::Result<void>(std::span<const model::AuditEvent>)> tell;
    /// Everything that was durable at `asOf` has been told.
    std::function<void(base::MonoInstant asOf)> caughtUp;
    /// The first failure after a look that succeeded.
    std::function<void(const base::Error&)> failed;
};

class Follower {
public:
    /// Both outlive it.
    Follower(plugin::Storage& storage, const base::Clock& clock, FollowerOptions options)
        : storage_(storage), clock_(clock), options_(std::move(options)) {}
    ~Follower() { stop(); }
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    /// Sets the mark behind the newest entry. Before anything is loaded that `tell` keeps current: nothing is missed then.
    [[nodiscard]] base::Result<void> mark();
    /// Reads and tells everything behind the mark, on the caller's thread; not beside start(). Unavailable: storage. Conflict: the
    /// ledger is shorter than it was, and stays an error until a restart.
    [[nodiscard]] base::Result<void> look();

    /// `every`: between two looks that nobody asked for.
    void start(base::milliseconds every);
    /// Somebody committed: look soon. Any thread; never blocks.
    void wake();
    /// Ends behind the read at hand. Idempotent.
    void stop();

private:
    void run(base::milliseconds every);
    [[nodiscard]] bool stopping();

    plugin::Storage& storage_;
    const base::Clock& clock_;
    const FollowerOptions options_;
    std::uint64_t mark_ = 0;  ///< the index of the next entry that was not told
    bool failing_ = false;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool hinted_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace agentidp::audit
