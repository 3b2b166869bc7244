/// table: lists that the script made itself.
#include <algorithm>
#include <limits>

#include "policy/host.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr lua_Integer kMostSorted = 10'000;
constexpr lua_Integer kMostUnpacked = 256;

/// Whether the item at stack index `left` belongs before the one at `right`.
bool before(State& state, lua_State* lua, int left, int right) {
    if (lua_isnoneornil(lua, 2)) {
        const auto type = lua_type(lua, left);
        if (type != lua_type(lua, right) || (type != LUA_TNUMBER && type != LUA_TSTRING))
            state.wrong("table.sort: items are neither all numbers nor all texts");
        state.charge(2);
        if (type == LUA_TSTRING) {
            std::size_t leftSize = 0;
            std::size_t rightSize = 0;
            const char* leftText = lua_tolstring(lua, left, &leftSize);
            const char* rightText = lua_tolstring(lua, right, &rightSize);
            state.chargeBytes(std::min(leftSize, rightSize));
            return std::string_view(leftText, leftSize) < std::string_view(rightText, rightSize);
        }
        return lua_compare(lua, left, right, LUA_OPLT) != 0;
    }
    state.charge(2);
    lua_pushvalue(lua, 2);
    lua_pushvalue(lua, left);
    lua_pushvalue(lua, right);
    lua_call(lua, 2, 1);
    const bool is = lua_toboolean(lua, -1) != 0;
    lua_pop(lua, 1);
    return is;
}

/// Heapsort: whatever the comparison answers, it ends after n log n of them.
void sift(State& state, lua_State* lua, lua_Integer from, lua_Integer count) {
    lua_rawgeti(lua, 1, from);
    const int moving = lua_gettop(lua);
    for (lua_Integer child = from * 2; child <= count; child = from * 2) {
        lua_rawgeti(lua, 1, child);
        if (child < count) {
            lua_rawgeti(lua, 1, child + 1);
            if (before(state, lua, moving + 1, moving + 2)) {
                lua_replace(lua, moving + 1);
                ++child;
            } else {
                lua_pop(lua, 1);
            }
        }
        if (!before(state, lua, moving, moving + 1)) {
            lua_pop(lua, 1);
            break;
        }
        lua_rawseti(lua, 1, from);
        from = child;
    }
    lua_rawseti(lua, 1, from);
}

}  // namespace

int tableInsert(State& state, lua_State* lua) {
    ownTableAt(state, lua, 1, "table.insert");
    const auto size = static_cast<lua_Integer>(lua_rawlen(lua, 1));
    const int count = lua_gettop(lua);
    if (count != 2 && count != 3) state.wrong("table.insert wants (list, value) or (list, position, value)");
    const auto at = count == 2 ? size + 1 : integerAt(state, lua, 2, "table.insert");
    if (at < 1 || at > size + 1) state.wrong("table.insert: the position is outside of the list");
    for (lua_Integer i = size; i >= at; --i) {
        state.charge(1);
        lua_rawgeti(lua, 1, i);
        lua_rawseti(lua, 1, i + 1);
    }
    lua_rawseti(lua, 1, at);
    return 0;
}

int tableRemove(State& state, lua_State* lua) {
    ownTableAt(state, lua, 1, "table.remove");
    const auto size = static_cast<lua_Integer>(lua_rawlen(lua, 1));
    const auto at = integerOr(state, lua, 2, "table.remove", size);
    if (size == 0 || at == size + 1) {
        lua_pushnil(lua);
        return 1;
    }
    if (at < 1 || at > size) state.wrong("table.remove: the position is outside of the list");
    lua_rawgeti(lua, 1, at);
    for (lua_Integer i = at; i < size; ++i) {
        state.charge(1);
        lua_rawgeti(lua, 1, i + 1);
        lua_rawseti(lua, 1, i);
    }
    lua_pushnil(lua);
    lua_rawseti(lua, 1, size);
    return 1;
}

int tableConcat(State& state, lua_State* lua) {
    const auto size = listAt(state, lua, 1, "table.concat");
    const auto between = lua_isnoneornil(lua, 2) ? std::string_view() : textAt(state, lua, 2, "table.concat");
    const auto first = integerOr(state, lua, 3, "table.concat", 1);
    const auto last = integerOr(state, lua, 4, "table.concat", size);
    std::string joined;
    if ((first < 1 || last > size) && first <= last && !state.without(Restriction::BoundedConcat))
        state.wrong("table.concat: the range is outside of the list");
    for (lua_Integer i = first; i <= last; ++i) {
        state.charge(1);
        lua_geti(lua, 1, i);
        const int type = lua_type(lua, -1);
        if (type != LUA_TSTRING && type != LUA_TNUMBER) {
            if (state.without(Restriction::BoundedConcat)) {
                lua_pop(lua, 1);
                continue;
            }
            state.wrong("table.concat: an item is neither text nor number");
        }
        std::size_t length = 0;
        const char* text = lua_tolstring(lua, -1, &length);
        state.chargeBytes(length + between.size());
        if (joined.size() + length + between.size() > kMostString) state.stop(FailureKind::Memory, "table.concat: a text over 64 KiB");
        if (i != first) joined += between;
        joined.append(text, length);
        lua_pop(lua, 1);
    }
    pushText(state, lua, joined);
    return 1;
}

int tableSort(State& state, lua_State* lua) {
    ownTableAt(state, lua, 1, "table.sort");
    const auto size = static_cast<lua_Integer>(lua_rawlen(lua, 1));
    if (!lua_isnoneornil(lua, 2) && lua_type(lua, 2) != LUA_TFUNCTION) state.wrong("table.sort: the second argument is no function");
    if (size > kMostSorted && !state.without(Restriction::BoundedSort)) state.wrong("table.sort: more than 10000 items");
    lua_settop(lua, 2);
    luaL_checkstack(lua, 10, nullptr);
    for (lua_Integer i = size / 2; i >= 1; --i) sift(state, lua, i, size);
    for (lua_Integer end = size; end > 1; --end) {
        lua_rawgeti(lua, 1, 1);
        lua_rawgeti(lua, 1, end);
        lua_rawseti(lua, 1, 1);
        lua_rawseti(lua, 1, end);
        sift(state, lua, 1, end - 1);
    }
    return 0;
}

int tableUnpack(State& state, lua_State* lua) {
    const auto size = listAt(state, lua, 1, "table.unpack");
    const auto first = integerOr(state, lua, 2, "table.unpack", 1);
    const auto last = integerOr(state, lua, 3, "table.unpack", size);
    if (first > last) return 0;
    const auto count = static_cast<lua_Unsigned>(last) - static_cast<lua_Unsigned>(first);
    const auto most = state.without(Restriction::BoundedUnpack) ? std::numeric_limits<int>::max() / 2 : kMostUnpacked;
    if (count >= static_cast<lua_Unsigned>(most)) state.wrong("table.unpack: more than 256 items");
    luaL_checkstack(lua, static_cast<int>(count) + 1, "table.unpack");
    state.charge(static_cast<std::int64_t>(count));
    for (lua_Integer i = first; i < last; ++i) lua_geti(lua, 1, i);
    lua_geti(lua, 1, last);
    return static_cast<int>(count) + 1;
}

}  // namespace agentidp::policy::sandbox
