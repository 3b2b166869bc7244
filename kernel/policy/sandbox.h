#pragma once
/// @file kernel/policy/sandbox.h
/// A Lua state under a budget (sandbox.def has what is kept from scripts, host_api.def what they are given). Private to this room: only
/// its .cpp files and tests/unit/policy include it. One thread at a time for each State.
#include <bitset>
#include <chrono>
#include <functional>
#include <lua.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "policy/arena.h"
#include "policy/script.h"

namespace agentidp::policy::sandbox {

enum class Restriction : std::uint8_t {
#define AGENTIDP_SANDBOX_RESTRICTION(id, without) id,
#include "policy/sandbox.def"
#undef AGENTIDP_SANDBOX_RESTRICTION
};
inline constexpr std::size_t kRestrictions = 0
#define AGENTIDP_SANDBOX_RESTRICTION(id, without) +1
#include "policy/sandbox.def"
#undef AGENTIDP_SANDBOX_RESTRICTION
    ;
/// Those taken away; only tests take any.
using Removed = std::bitset<kRestrictions>;
[[nodiscard]] std::string_view nameOf(Restriction restriction);

inline constexpr int kHookEvery = 200;                      ///< instructions between two looks at the budget
inline constexpr int kHookEveryFine = 8;                    ///< once the state holds something large
inline constexpr std::size_t kLargeBlock = 16U * 1024U;     ///< that is large
inline constexpr std::size_t kMostString = 64U * 1024U;     ///< bytes of one string
inline constexpr int kMostDepth = 200;                      ///< calls within calls
inline constexpr std::size_t kBytesPerUnit = 16;            ///< that host functions touch
inline constexpr std::size_t kAllocatedPerUnit = 64;        ///< bytes that Lua allocates
inline constexpr std::size_t kLookAfterBytes = 64U * 1024;  ///< allocated: a look at the budget behind the next instruction
inline constexpr std::int64_t kUnitsPerCall = 2;            ///< of any host function
inline constexpr std::int64_t kUnitsPerLook = 2000;         ///< charged by host functions: then they look at the clock too
inline constexpr int kMostCollections = 2;                  ///< full collections for want of memory in one call
inline constexpr std::size_t kMostErrorText = 512;
inline constexpr std::size_t kMostPatterns = 256;       ///< compiled, per script
inline constexpr std::size_t kMostPatternBytes = 4096;  ///< of one pattern's text
inline constexpr std::size_t kMostCounters = 10'000;    ///< per script
inline constexpr std::size_t kMostLogLines = 32;        ///< per call
inline constexpr std::size_t kMostLogBytes = 512;       ///< of one line

class Patterns;
class Counters;

/// What all states of one script share. Immutable but for its caches, which guard themselves.
struct Environment {
    std::string file;
    std::shared_ptr<const Documents> documents;
    std::unordered_set<std::string> needs;  ///< "data.teams", "counter"
    std::string bytecode;                   ///< by lua_dump of our own compile
    std::unordered_set<std::string> texts;  ///< the script's string constants
    /// Members of the large objects of `documents`, by object.
    std::unordered_map<const base::json::Object*, std::unordered_map<std::string_view, const base::json::Value*>> members;
    Removed removed;
    std::shared_ptr<Patterns> patterns;
    std::shared_ptr<Counters> counters;
    [[nodiscard]] bool without(Restriction restriction) const { return removed.test(static_cast<std::size_t>(restriction)); }
};
/// With its caches, and no script yet.
[[nodiscard]] Environment makeEnvironment(std::string file, std::shared_ptr<const Documents> documents, const Removed& removed);

class State {
public:
    /// `environment` outlives it.
    explicit State(const Environment& environment);
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    static State& of(lua_State* lua) { return **static_cast<State**>(lua_getextraspace(lua)); }

    /// Runs `work` under a budget of its own; what ended it early, if anything did. After a failure the state is spent.
    [[nodiscard]] std::optional<Failure> run(const CallOptions& options, const std::function<void(lua_State*)>& work);
    /// Between two runs of a pooled state: whether it is fit for another.
    [[nodiscard]] bool settle();

    [[nodiscard]] const Environment& environment() const { return environment_; }
    [[nodiscard]] bool without(Restriction restriction) const { return environment_.without(restriction); }
    [[nodiscard]] const CallOptions& options() const { return *options_; }
    [[nodiscard]] std::int64_t units() const { return units_; }
    [[nodiscard]] std::size_t peakBytes() const { return peak_; }
    std::vector<std::string> logged;
    bool loaded = false;  ///< the script's body has run in it

    /// Below: by host functions and `work` only. Those that end the call leave by a Lua error; C++ destructors run.

    void charge(std::int64_t units);
    void chargeBytes(std::size_t bytes) { charge(static_cast<std::int64_t>(bytes / kBytesPerUnit)); }
    /// `text` holds no value of the request.
    [[noreturn]] void stop(FailureKind kind, const std::string& text);
    /// The same for a wrong argument.
    [[noreturn]] void wrong(const std::string& text) { stop(FailureKind::Runtime, text); }

private:
    static void* allocate(void* self, void* block, std::size_t old, std::size_t wanted);
    static void onHook(lua_State* lua, lua_Debug* at);
    static int trampoline(lua_State* lua);
    bool mayGrow(const void* block, std::size_t old, std::size_t wanted, std::size_t tag);
    void open();
    void arm(int every);
    void look();
    void lookAtClock();
    std::string here(int level) const;
    Failure failureOf(int status);

    const Environment& environment_;
    std::unique_ptr<Arena> arena_;
    lua_State* lua_ = nullptr;
    const CallOptions* options_ = nullptr;
    const std::function<void(lua_State*)>* work_ = nullptr;
    std::optional<Failure> ended_;
    std::chrono::steady_clock::time_point deadline_;
    std::int64_t units_ = 0;
    std::int64_t sinceLook_ = 0;
    int armed_ = 0;
    bool fine_ = false;
    std::size_t cap_ = 0;
    std::size_t inUse_ = 0, peak_ = 0, baseline_ = 0;
    std::size_t allocated_ = 0, charged_ = 0;
    int refusals_ = 0;
};

/// Stands between Lua and every host function: a C++ exception becomes a failure of the call instead of a status Lua does not know.
/// (Lua's own errors are thrown too; they are no std::exception and pass.)
template <int (*Function)(State&, lua_State*)>
int entry(lua_State* lua) {
    State& state = State::of(lua);
    FailureKind kind{};
    try {
        state.charge(kUnitsPerCall);
        return Function(state, lua);
    } catch (const std::bad_alloc&) {
        kind = FailureKind::Memory;
    } catch (const std::exception&) {
        kind = FailureKind::Runtime;
    }
    state.stop(kind, "a host function failed");
}

}  // namespace agentidp::policy::sandbox
