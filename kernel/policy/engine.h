#pragma once
/// @file kernel/policy/engine.h
/// The hooks in force: which generation requests get, what asking it means. Which bundle that is, and why, is keeper.h's.
#include <atomic>
#include <deque>
#include <map>

#include "base/guarded.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "policy/decision.h"
#include "policy/hooks.h"

namespace agentidp::policy {

struct EngineBudgets {
    CallBudget call;
    base::milliseconds request{50};  ///< all calls of one request
};

class Engine final : public Hooks {
public:
    struct Ports {
        const base::Clock& clock;
        observe::Log& log;
        observe::Metrics& metrics;
        Decisions* decisions = nullptr;  ///< null: no decision log
        /// Runs a task later, on a thread that takes time from nobody; false where there is no room. None: shadow hooks are not run.
        std::function<bool(std::function<void()>)> later = {};
        /// A shadow script went over its budget too often and asks no more in this process. On the thread of `later`; may block.
        std::function<void(const std::string& script)> stopped = {};
    };
    /// Shadow failures of budget within a minute that switch a script off.
    static constexpr std::size_t kShadowKills = 3;

    explicit Engine(Ports ports);
    ~Engine() override;

    [[nodiscard]] std::unique_ptr<Session> begin(RequestFacts facts) override;
    [[nodiscard]] bool listens(HookPoint point) const override;

    /// From here on requests begin with it; those that began before keep theirs. Null: none.
    void install(GenerationPtr generation);
    /// The generation in force in other modes.
    void remode(const ModeOf& modeOf);
    [[nodiscard]] GenerationPtr current() const;
    void configure(const EngineBudgets& budgets);
    /// Shadow work that was handed over and not begun is skipped from here on.
    void stop() { stopping_ = true; }

private:
    struct Entry;
    struct Installed;
    class Conversation;
    struct Asked;
    using InstalledPtr = std::shared_ptr<const Installed>;
    void put(GenerationPtr generation);
    void runShadow(const InstalledPtr& installed, const Asked& asked);
    void countKill(const std::string& script);
    void account(const Entry& entry, HookPoint point, HookMode mode, const CallReport& report, const RequestFacts& facts);

    Ports ports_;
    std::mutex change_;  ///< a change of modes follows from the generation it finds
    mutable base::SharedGuarded<InstalledPtr> current_;
    std::atomic<std::uint32_t> listening_{0};  ///< a bit a point, of `current_`: asked for every token, and so without its lock
    base::SharedGuarded<EngineBudgets> budgets_;
    base::Guarded<std::map<std::string, std::deque<base::MonoInstant>>> kills_;
    std::atomic<bool> stopping_{false};
};

}  // namespace agentidp::policy
