/// data.<name>: documents read in place. A userdata stands for each object and list; it holds a pointer that no script can see.
#include "policy/host.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr char kFrozenKey = 0;
void* frozenKey() { return const_cast<char*>(&kFrozenKey); }

int indexFrozen(State& state, lua_State* lua) {
    const auto* value = frozenAt(lua, 1);
    if (value == nullptr) state.wrong("no document");
    const base::json::Value* found = nullptr;
    if (const auto* items = value->asArray(); items != nullptr && lua_isinteger(lua, 2) != 0) {
        const auto at = lua_tointeger(lua, 2);
        if (at >= 1 && static_cast<std::size_t>(at) <= items->size()) found = &(*items)[static_cast<std::size_t>(at) - 1];
    } else if (const auto* members = value->asObject(); members != nullptr && lua_type(lua, 2) == LUA_TSTRING) {
        std::size_t size = 0;
        const char* text = lua_tolstring(lua, 2, &size);
        const std::string_view name(text, size);
        state.chargeBytes(size);
        const auto& indexes = state.environment().members;
        if (const auto index = indexes.find(members); index != indexes.end()) {
            const auto member = index->second.find(name);
            if (member != index->second.end()) found = member->second;
        } else {
            found = value->find(name);
        }
    }
    if (found == nullptr)
        lua_pushnil(lua);
    else
        pushFrozen(lua, *found);
    return 1;
}

int lengthFrozen(State&, lua_State* lua) {
    const auto* value = frozenAt(lua, 1);
    const auto* items = value != nullptr ? value->asArray() : nullptr;
    lua_pushinteger(lua, items != nullptr ? static_cast<lua_Integer>(items->size()) : 0);
    return 1;
}

int refuseFrozen(State& state, lua_State*) {
    if (state.without(Restriction::FrozenData)) return 0;
    state.stop(FailureKind::Blocked, "documents of data cannot be changed");
}

}  // namespace

void pushFrozen(lua_State* lua, const base::json::Value& value) {
    if (value.asArray() == nullptr && value.asObject() == nullptr) return pushCopy(lua, value);
    *static_cast<const base::json::Value**>(lua_newuserdatauv(lua, sizeof(void*), 0)) = &value;
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, frozenKey()) == LUA_TNIL) {
        lua_pop(lua, 1);
        lua_createtable(lua, 0, 3);
        lua_pushcfunction(lua, &entry<&indexFrozen>);
        lua_setfield(lua, -2, "__index");
        lua_pushcfunction(lua, &entry<&lengthFrozen>);
        lua_setfield(lua, -2, "__len");
        lua_pushcfunction(lua, &entry<&refuseFrozen>);
        lua_setfield(lua, -2, "__newindex");
        lua_pushvalue(lua, -1);
        lua_rawsetp(lua, LUA_REGISTRYINDEX, frozenKey());
    }
    lua_setmetatable(lua, -2);
}

const base::json::Value* frozenAt(lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TUSERDATA || lua_getmetatable(lua, index) == 0) return nullptr;
    lua_rawgetp(lua, LUA_REGISTRYINDEX, frozenKey());
    const bool is = lua_rawequal(lua, -1, -2) != 0;
    lua_pop(lua, 2);
    return is ? *static_cast<const base::json::Value**>(lua_touserdata(lua, index)) : nullptr;
}

}  // namespace agentidp::policy::sandbox
