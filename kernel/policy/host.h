#pragma once
/// @file kernel/policy/host.h
/// The host's side of a state: its globals, its functions (one declaration a row of host_api.def), and how values cross. All of it inside
/// State::run only. Private to this room.
#include <string>
#include <string_view>
#include <vector>

#include "policy/sandbox.h"
#include "policy/script_reads.h"

namespace agentidp::policy::sandbox {

#define AGENTIDP_HOST_FUNCTION(module, name, function, usage, says) int function(State& state, lua_State* lua);
#define AGENTIDP_HOST_VALUE(module, name, pusher, usage, says) void pusher(lua_State* lua);
#include "policy/host_api.def"
#undef AGENTIDP_HOST_FUNCTION
#undef AGENTIDP_HOST_VALUE

/// The table that scripts have as _ENV, and the metatable of strings. Members appear when they are first named, so that a fresh state costs
/// what its script uses.
void pushGlobals(State& state, lua_State* lua);
/// What a state really offers and host_api.def does not list: walks everything that a script could reach.
[[nodiscard]] std::vector<std::string> strayNames(State& state, lua_State* lua);

/// `value` as plain Lua values; null is nil.
void pushCopy(lua_State* lua, const base::json::Value& value);
/// The same of what is looked at.
void pushLookedAt(lua_State* lua, const base::json::Value& value, const Reads& reads);
/// `value` as it is read on demand, and cannot be changed. It outlives the state.
void pushFrozen(lua_State* lua, const base::json::Value& value);
/// The value behind a pushFrozen, or null.
[[nodiscard]] const base::json::Value* frozenAt(lua_State* lua, int index);

struct CopyLimits {
    std::size_t bytes = 0;
    int depth = 0;
};
/// A Lua value as JSON, objects in the order of their names. Stops the call by BadResult where it is too large, too deep, cyclic, or
/// nothing JSON has. An empty table is an empty list.
[[nodiscard]] base::json::Value copyOut(State& state, lua_State* lua, int index, const CopyLimits& limits);

/// What a hook returned, checked against its point. Stops the call by BadResult.
[[nodiscard]] Verdict readVerdict(State& state, lua_State* lua, int index, HookPoint point);
/// Of the value at `index`, where it is a verdict: its kind, with its argument pushed; else 0 and nothing pushed.
[[nodiscard]] std::uint16_t pushVerdictArgument(lua_State* lua, int index);
/// The members that a result of this kind has; empty where it takes any.
[[nodiscard]] const std::vector<std::string_view>& membersOf(VerdictKind kind);

/// Arguments; a wrong one stops the call, and its text never holds the value.
[[nodiscard]] std::string_view textAt(State& state, lua_State* lua, int index, std::string_view what);
[[nodiscard]] lua_Integer integerAt(State& state, lua_State* lua, int index, std::string_view what);
[[nodiscard]] lua_Integer integerOr(State& state, lua_State* lua, int index, std::string_view what, lua_Integer otherwise);
/// A list: a plain table or a frozen one. Its length.
[[nodiscard]] lua_Integer listAt(State& state, lua_State* lua, int index, std::string_view what);
/// A plain table, which the script itself made.
void ownTableAt(State& state, lua_State* lua, int index, std::string_view what);
/// A string of up to kMostString bytes.
void pushText(State& state, lua_State* lua, std::string_view text);

}  // namespace agentidp::policy::sandbox
