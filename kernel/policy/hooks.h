#pragma once
/// @file kernel/policy/hooks.h
/// What the rooms that serve requests ask of the hooks. All scripts of a point are asked; what they say together only tightens: any deny
/// wins, scopes intersect, the shortest lifetime counts, a failure is what the point's row says of failures.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "policy/hook_point.h"

namespace agentidp::policy {

/// What the enforced scripts of one point said together.
struct Ruling {
    bool allowed = true;
    bool unavailable = false;                        ///< a hook failed and its point denies: 503 hook_unavailable. Then allowed is false.
    std::string script;                              ///< who denied
    std::string code, reason;                        ///< of the deny
    std::optional<std::vector<std::string>> scopes;  ///< kept by every script; the asker intersects with what it would grant
    std::optional<base::seconds> maxTtl;             ///< the shortest
    std::optional<std::string> audience;             ///< two scripts that differ deny (code "audience_conflict")
    base::json::Object fields;      ///< Add, Annotate: the first script to name a member has it. Enrich: {"<script>": {...}}
    std::vector<std::string> omit;  ///< Omit: joined
    bool omitOptional = false;      ///< a filter failed: leave out every optional field
    std::string extError;           ///< Mark: "corp: deadline"; empty: none failed
    std::string key;                ///< Rate: the first that names one; empty: the built-in key
    std::int64_t cost = 1;          ///< Rate: the highest
    std::string decisionId;         ///< in the decision log; empty where nothing of it is there
};

/// Of whom and what a decision log line tells.
struct RequestFacts {
    std::string requestId;
    std::string tenant;  ///< the organization's id; empty where not known yet
    base::Instant at;
};

/// A member of an argument that costs something to make. It is made only where a script, the decision log or a shadow looks at it.
struct LateMember {
    std::string_view name;
    std::function<base::json::Value()> make;
};

/// One request's view of the hooks: one generation from its first question to its last, and one budget of time (hooks.budget.request_ms)
/// for all of them. Used by one thread at a time.
class Session {
public:
    virtual ~Session() = default;
    /// Whether any script, enforced or in shadow, hooks the point: where not, the caller need not build `input`.
    [[nodiscard]] virtual bool listens(HookPoint point) const = 0;
    /// `input` is an object with the members hook_points.def lists, but for `late`. Blocks for the scripts' time; shadow scripts run later,
    /// elsewhere.
    [[nodiscard]] virtual Ruling ask(HookPoint point, const base::json::Value& input, const LateMember* late) = 0;
    [[nodiscard]] Ruling ask(HookPoint point, const base::json::Value& input) { return ask(point, input, nullptr); }
    /// The tenant, once it is known.
    virtual void about(std::string tenant) = 0;
    [[nodiscard]] virtual std::uint64_t generation() const = 0;
};

/// Any thread.
class Hooks {
public:
    virtual ~Hooks() = default;
    /// Null where no script is loaded: nothing needs to be asked.
    [[nodiscard]] virtual std::unique_ptr<Session> begin(RequestFacts facts) = 0;
    /// Whether the generation of this moment hooks any of the request points: then the request's work belongs on the hook pool.
    [[nodiscard]] virtual bool listens(HookPoint point) const = 0;
};

}  // namespace agentidp::policy
