#pragma once
/// @file kernel/policy/script.h
/// One Lua script, compiled and checked, and one call of one of its hooks in a sandbox of its own (docs/hook-authors, ADR on hooks).
/// It guards against mistakes and hostile policy text, not against a bug in the interpreter.
#include <atomic>
#include <bitset>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "policy/hook_point.h"
#include "policy/verdict.h"

namespace agentidp::policy {

inline constexpr std::size_t kMaxScriptBytes = 256U * 1024U;

/// What one call may use (settings hooks.*).
struct CallBudget {
    std::int64_t units = 200'000;
    base::milliseconds wall{20};
    std::size_t memory = 4U << 20U;
    std::size_t result = 64U << 10U;
    int depth = 8;
};

enum class StateMode : std::uint8_t {
    Fresh,   ///< a new state for each call
    Pooled,  ///< states are kept and used again, one call at a time
};

/// The frozen JSON documents scripts see as data.<name>.
using Documents = std::map<std::string, base::json::Value, std::less<>>;

/// Something wrong with a script, for who wrote it.
struct Complaint {
    std::string file;
    int line = 0;       ///< 0: the whole file
    std::string text;   ///< what is wrong
    std::string mend;   ///< what to do
    bool fatal = true;  ///< false: `hook check` tells, a load goes on
    bool operator==(const Complaint&) const = default;
};

struct ScriptSource {
    std::string file;  ///< as complaints and errors name it: "corp.lua"
    std::string text;
    StateMode state = StateMode::Fresh;
    bool wholeArguments = false;  ///< copies what the script cannot look at too, which changes nothing but the time; for tests
};

/// Which lines ran, for `hook test --coverage`. Filled by one call at a time.
struct Coverage {
    std::map<int, std::int64_t> hits;  ///< by line
};

struct CallOptions {
    CallBudget budget;
    base::Instant now;  ///< what time.* tells: the request's time
    Coverage* coverage = nullptr;
    std::function<void(int line)> trace = {};  ///< each line that runs, for `hook run`
};

/// Immutable but for its pool of states and its counters. Any thread; calls run on the caller's thread and never outlast their budget by
/// more than what one host function does.
class Script {
public:
    virtual ~Script() = default;
    [[nodiscard]] virtual const std::string& file() const = 0;
    [[nodiscard]] virtual const std::string& name() const = 0;     ///< [a-z0-9-]{1,64}
    [[nodiscard]] virtual const std::string& version() const = 0;  ///< up to 64 bytes
    [[nodiscard]] virtual const std::string& sha256() const = 0;   ///< of the text, lower-case hex
    [[nodiscard]] virtual bool hooks(HookPoint point) const = 0;
    /// `claims = { on_error = "omit" }` and the like: what the script says of its own failures at this point; Deny where it says nothing.
    [[nodiscard]] virtual bool omitsOnError(HookPoint point) const = 0;
    /// Whether its states are used again: by the script's own word or its source's.
    [[nodiscard]] virtual StateMode state() const { return StateMode::Fresh; }
    /// Lines that have code, for coverage.
    [[nodiscard]] virtual const std::vector<int>& activeLines() const = 0;
    /// Whether a hook at `point` may look at this member of its argument.
    [[nodiscard]] virtual bool reads(HookPoint /*point*/, std::string_view /*member*/) const { return true; }
    /// What the hook can look at of `input` is copied into the state. A point that the script does not hook is a bug.
    [[nodiscard]] virtual CallReport call(HookPoint point, const base::json::Value& input, const CallOptions& options) const = 0;
};
using ScriptPtr = std::shared_ptr<const Script>;

struct Compiled {
    ScriptPtr script;                   ///< null where a complaint is fatal
    std::vector<Complaint> complaints;  ///< in the order of lines
};
/// Text only, UTF-8 without NUL, at most kMaxScriptBytes. Runs the script's body once within `budget` to read its table. Finds: a syntax
/// error, bytecode, undeclared globals, a missing or unknown `api`, unknown members, hook points unknown or reserved, members that no
/// result has, `needs` that `documents` lacks; and as a warning fields of the argument that hook_points.def does not list.
[[nodiscard]] Compiled compile(const ScriptSource& source, const std::shared_ptr<const Documents>& documents, const CallBudget& budget);

}  // namespace agentidp::policy
