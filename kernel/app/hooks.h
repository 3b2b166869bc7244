#pragma once
/// @file kernel/app/hooks.h
/// The hooks of a daemon: settings become policy's rooms, control commands and events reach them. wiring.cpp makes one.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "app/foundation.h"
#include "audit/ledger.h"
#include "base/thread_pool.h"
#include "control/socket.h"
#include "policy/decision_log.h"
#include "policy/keeper.h"

namespace agentidp::app {

/// Settings as policy takes them. Errc::Invalid names the setting.
[[nodiscard]] base::Result<policy::KeeperSettings> hookSettings(const config::Settings& settings);
[[nodiscard]] policy::EngineBudgets hookBudgets(const config::Settings& settings);

/// What a start would refuse of the hooks these settings name, and what it would remark, without a daemon: `agentidp check`.
struct HookJudgement {
    std::vector<std::string> problems, notes;
};
[[nodiscard]] HookJudgement judgeHooks(const config::Settings& settings);

class HookRooms {
public:
    /// `base` outlives it; so does `ledger`, which is asked from start() on.
    static base::Result<std::unique_ptr<HookRooms>> make(Foundation& base, audit::Ledger& ledger);
    ~HookRooms();
    HookRooms(const HookRooms&) = delete;
    HookRooms& operator=(const HookRooms&) = delete;

    /// What requests ask. Any thread.
    [[nodiscard]] policy::Hooks& hooks() { return *engine_; }
    /// Where requests ask it: a script may take its 20 ms, which no event loop has.
    [[nodiscard]] base::ThreadPool& pool() { return *pool_; }

    /// The first load. Errc::Invalid: a start is refused, and the hint holds every complaint.
    base::Result<void> start();
    /// Runs the hostile corpus, elsewhere. Once, after the listener is open.
    void startSelftest();
    /// Why requests must not come yet; empty where they may. Any thread.
    [[nodiscard]] std::string notReady() const;
    /// New settings and a new look at the source. What is refused is logged.
    void reload(const config::Settings& settings);
    /// Some daemon changed hooks: looked at soon, elsewhere. Any thread; never blocks.
    void changed();
    /// The chore that finds what changed() could not: storage may have been away.
    base::Result<void> look() { return keeper_->follow(); }

    using Run = std::function<base::Result<base::json::Value>(const base::json::Value&, const control::PeerCredentials&)>;
    struct LiveCommand {
        std::string name;
        bool changes = false;  ///< to be audited as a control command
        Run run;
    };
    /// hook-list, hook-status, hook-mode, hook-rollback, hook-reload, hook-push.
    [[nodiscard]] std::vector<LiveCommand> commands();

    /// No shadow call begins from here on; what was queued is written.
    void stop();

private:
    HookRooms(Foundation& base, audit::Ledger& ledger);
    base::Result<void> open();
    [[nodiscard]] base::json::Value status() const;
    [[nodiscard]] base::json::Value list() const;
    base::Result<void> selftest();

    Foundation& base_;
    audit::Ledger& ledger_;
    enum class Selftest { NotYet, Passed, Failed };
    std::atomic<Selftest> selftest_{Selftest::NotYet};
    std::unique_ptr<policy::DecisionLog> decisions_;
    std::unique_ptr<policy::Engine> engine_;
    std::unique_ptr<policy::Keeper> keeper_;
    std::unique_ptr<base::ThreadPool> pool_;
    std::unique_ptr<base::ThreadPool> shadow_;
    std::unique_ptr<base::ThreadPool> loads_;  ///< one thread: tests and the selftest keep nobody else waiting
};

}  // namespace agentidp::app
