/// allow(), deny() and the rest: each makes a userdata that says its kind and holds its argument, which readVerdict checks in the end.
#include <array>

#include "policy/host.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr char kVerdictKey = 0;
void* verdictKey() { return const_cast<char*>(&kVerdictKey); }

/// Wraps the value on top.
int wrap(lua_State* lua, VerdictKind kind) {
    *static_cast<std::uint16_t*>(lua_newuserdatauv(lua, sizeof(std::uint16_t), 1)) = static_cast<std::uint16_t>(kind);
    lua_insert(lua, -2);
    lua_setiuservalue(lua, -2, 1);
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, verdictKey()) == LUA_TNIL) {
        lua_pop(lua, 1);
        lua_createtable(lua, 0, 0);
        lua_pushvalue(lua, -1);
        lua_rawsetp(lua, LUA_REGISTRYINDEX, verdictKey());
    }
    lua_setmetatable(lua, -2);
    return 1;
}

int bare(State& state, lua_State* lua, VerdictKind kind) {
    if (lua_gettop(lua) != 0) state.stop(FailureKind::BadResult, std::string(nameOf(kind)) + "() takes nothing");
    lua_pushnil(lua);
    return wrap(lua, kind);
}

int ofTable(State& state, lua_State* lua, VerdictKind kind) {
    if (lua_gettop(lua) != 1 || lua_type(lua, 1) != LUA_TTABLE)
        state.stop(FailureKind::BadResult, std::string(nameOf(kind)) + " wants one table");
    return wrap(lua, kind);
}

}  // namespace

int verdictAllow(State& state, lua_State* lua) { return bare(state, lua, VerdictKind::Allow); }
int verdictDrop(State& state, lua_State* lua) { return bare(state, lua, VerdictKind::Drop); }

int verdictDeny(State& state, lua_State* lua) {
    if (lua_gettop(lua) > 2) state.stop(FailureKind::BadResult, "deny() takes a code and a reason");
    lua_settop(lua, 2);
    lua_createtable(lua, 0, 2);
    lua_insert(lua, 1);
    lua_setfield(lua, 1, "reason");
    lua_setfield(lua, 1, "code");
    return wrap(lua, VerdictKind::Deny);
}

int verdictNarrow(State& state, lua_State* lua) { return ofTable(state, lua, VerdictKind::Narrow); }
int verdictAdd(State& state, lua_State* lua) { return ofTable(state, lua, VerdictKind::Add); }
int verdictShorten(State& state, lua_State* lua) { return ofTable(state, lua, VerdictKind::Shorten); }
int verdictAnnotate(State& state, lua_State* lua) { return ofTable(state, lua, VerdictKind::Annotate); }
int verdictEnrich(State& state, lua_State* lua) { return ofTable(state, lua, VerdictKind::Enrich); }
int verdictRate(State& state, lua_State* lua) { return ofTable(state, lua, VerdictKind::Rate); }
int verdictOmit(State& state, lua_State* lua) { return ofTable(state, lua, VerdictKind::Omit); }
int verdictDeliver(State& state, lua_State* lua) { return ofTable(state, lua, VerdictKind::Deliver); }
int verdictFinding(State& state, lua_State* lua) { return ofTable(state, lua, VerdictKind::Finding); }

std::uint16_t pushVerdictArgument(lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TUSERDATA || lua_getmetatable(lua, index) == 0) return 0;
    lua_rawgetp(lua, LUA_REGISTRYINDEX, verdictKey());
    const bool is = lua_rawequal(lua, -1, -2) != 0;
    lua_pop(lua, 2);
    if (!is) return 0;
    const auto kind = *static_cast<const std::uint16_t*>(lua_touserdata(lua, index));
    lua_getiuservalue(lua, index, 1);
    return kind;
}

}  // namespace agentidp::policy::sandbox
