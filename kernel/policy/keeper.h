#pragma once
/// @file kernel/policy/keeper.h
/// Which hooks are in force and how that changes: start, reload, push, rollback, modes. Each change is made by one thread at a time,
/// is in force before the call returns, and is in the ledger; what is refused leaves everything as it was.
#include <array>
#include <deque>
#include <mutex>

#include "audit/ledger.h"
#include "plugin/storage.h"
#include "policy/engine.h"
#include "policy/loader.h"
#include "store/hook_bundles.h"

namespace agentidp::policy {

enum class HookSource {
    Directory,  ///< each process its own
    Storage,    ///< the row of hook_bundles with the highest number
};

struct KeeperSettings {
    HookSource source = HookSource::Directory;
    std::string directory;
    bool mayBeMissing = false;  ///< nobody named the directory: where it is not there, there are no hooks
    LoadRules rules;            ///< but for modeOf, which is the keeper's
    ModeOf configured;          ///< hooks.<name>.mode, Enforce where nobody said
};

/// What there is to say of a load, for people and for JSON.
struct Changed {
    std::uint64_t generation = 0;
    std::string sha256;
    std::string outcome;  ///< "done" or "unchanged"
    std::vector<Complaint> warnings;
};

/// Any thread; every call may block for storage, tests and the ledger.
class Keeper {
public:
    struct Ports {
        Engine& engine;
        plugin::Storage& storage;
        const base::Clock& clock;
        observe::Log& log;
        observe::Metrics& metrics;
        /// Appends to the ledger and waits.
        std::function<base::Result<void>(audit::Effect)> commit;
        /// Appends to the ledger, where nothing depends on it.
        std::function<void(model::AuditEvent)> append;
    };
    /// Generations that a rollback can go back to.
    static constexpr std::size_t kKept = 3;

    Keeper(Ports ports, KeeperSettings settings) : ports_(std::move(ports)), settings_(std::move(settings)) {}

    /// What a reload applies from here on.
    void configure(KeeperSettings settings);
    /// The selftest that every later load must pass.
    void testFrom(std::function<base::Result<void>()> selftest);

    /// Reads the source, checks, tests, swaps. Errc::Invalid: refused, with every complaint as a line of the hint; Unavailable: storage.
    base::Result<Changed> load(std::string cause, const std::string& actor);
    /// The bundle of the source, judged and not put in force: what a start would say.
    [[nodiscard]] static Load judge(const KeeperSettings& settings);
    /// Checks and tests `bundle`, commits it with its event and puts it in force here; other processes follow. Unsupported where the
    /// source is a directory; Conflict where somebody else pushed meanwhile.
    base::Result<Changed> push(const Bundle& bundle, const std::string& actor);
    /// The generation before this one: here where the source is a directory, everywhere where it is the storage. NotFound: none is kept.
    base::Result<Changed> rollback(const std::string& actor);
    /// Sets, or with nothing forgets, the live mode of a script, here and in every process of this storage. It outlives restarts and
    /// outranks hooks.<name>.mode. NotFound: no such script is loaded.
    base::Result<void> mode(const std::string& script, std::optional<HookMode> mode, const std::string& actor, const std::string& why);
    /// Takes over what other processes changed: modes, and the newest bundle where the source is the storage, which is
    /// checked here and was tested by who pushed it. Cheap where nothing did.
    /// A bundle that is refused here is told once. Unavailable: storage.
    base::Result<void> follow();

    /// The generations that rollback() would go through, newest first.
    [[nodiscard]] std::vector<Generation::Facts> before();

private:
    struct Source {
        BundleReading reading;
        std::uint64_t number = 0;
    };
    [[nodiscard]] base::Result<std::optional<Source>> read();
    enum class Tests {
        Run,
        RanElsewhere,  ///< who pushed ran them, in the same minute: a follower has a second
    };
    [[nodiscard]] base::Result<Load> checked(Source source, std::string cause, Tests tests);
    void install(const GenerationPtr& generation);
    base::Result<Changed> pushAs(const Bundle& bundle, const std::string& actor, std::string cause, model::Action action);
    base::Result<Changed> rollbackHere(const std::string& actor);
    base::Result<void> readModes();
    [[nodiscard]] ModeOf modeOf() const;
    [[nodiscard]] model::AuditEvent event(model::Action action, const std::string& actor, const Generation::Facts& facts) const;
    void count(std::string_view outcome);
    void tell(const Load& load);

    Ports ports_;
    std::mutex mutex_;
    KeeperSettings settings_;
    std::map<std::string, HookMode> live_;
    std::deque<GenerationPtr> before_;  ///< newest first
    std::uint64_t refused_ = 0;         ///< the last row of the storage that did not pass here
    std::uint64_t highest_ = 0;         ///< number given in this process, where the source is a directory
};

}  // namespace agentidp::policy
