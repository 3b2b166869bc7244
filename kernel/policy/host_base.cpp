/// Globals and math.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "policy/host.h"

namespace agentidp::policy::sandbox {
namespace {

/// A stock function by its name, for those whose work does not depend on what they are given. Asked once, in a state of its own.
lua_CFunction stock(const char* module, const char* name) {
    const std::unique_ptr<lua_State, void (*)(lua_State*)> lua(luaL_newstate(), &lua_close);
    luaL_openlibs(lua.get());
    lua_getglobal(lua.get(), module);
    lua_getfield(lua.get(), -1, name);
    return lua_tocfunction(lua.get(), -1);
}

std::string_view messageAt(State& state, lua_State* lua, int index, std::string_view otherwise) {
    if (lua_isnoneornil(lua, index)) return otherwise;
    if (lua_type(lua, index) != LUA_TSTRING) return "an error that is no text";
    std::size_t size = 0;
    const char* text = lua_tolstring(lua, index, &size);
    state.chargeBytes(size);
    // A text that the script put together may hold what the request said.
    if (!state.environment().texts.contains(std::string(text, size)) && !state.without(Restriction::QuietErrors))
        return "an error (its text was made at run time, and is not repeated here)";
    return {text, size};
}

lua_Number numberAt(State& state, lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TNUMBER) state.wrong("a number is wanted");
    return lua_tonumber(lua, index);
}

int unary(State& state, lua_State* lua, double (*function)(double)) {
    lua_pushnumber(lua, function(numberAt(state, lua, 1)));
    return 1;
}

int rounded(State& state, lua_State* lua, double (*function)(double)) {
    if (lua_isinteger(lua, 1) != 0) {
        lua_pushvalue(lua, 1);
        return 1;
    }
    const double value = function(numberAt(state, lua, 1));
    lua_Integer whole = 0;
    if (lua_numbertointeger(value, &whole))
        lua_pushinteger(lua, whole);
    else
        lua_pushnumber(lua, value);
    return 1;
}

int extreme(State& state, lua_State* lua, bool largest) {
    const int count = lua_gettop(lua);
    state.charge(count);
    static_cast<void>(numberAt(state, lua, 1));
    int best = 1;
    for (int i = 2; i <= count; ++i) {
        static_cast<void>(numberAt(state, lua, i));
        if (largest ? lua_compare(lua, best, i, LUA_OPLT) : lua_compare(lua, i, best, LUA_OPLT)) best = i;
    }
    lua_pushvalue(lua, best);
    return 1;
}

/// pairs(): keys are sorted once, so that the same input gives the same order on every machine. Lua's own order hangs on addresses.
int nextOfPairs(State& state, lua_State* lua) {
    auto at = lua_tointeger(lua, lua_upvalueindex(2));
    while (true) {
        state.charge(1);
        if (lua_rawgeti(lua, lua_upvalueindex(1), ++at) == LUA_TNIL) return 1;
        lua_pushvalue(lua, -1);
        if (frozenAt(lua, lua_upvalueindex(3)) != nullptr)
            lua_gettable(lua, lua_upvalueindex(3));
        else
            lua_rawget(lua, lua_upvalueindex(3));
        if (lua_type(lua, -1) != LUA_TNIL) break;
        lua_pop(lua, 2);  // taken out since the keys were sorted
    }
    lua_pushinteger(lua, at);
    lua_replace(lua, lua_upvalueindex(2));
    return 2;
}

struct Key {
    int type = 0;  ///< numbers before texts before the rest
    lua_Number number = 0;
    std::string_view text;
    int place = 0;  ///< in the list of keys
    bool operator<(const Key& other) const {
        const auto rank = [](int type) { return type == LUA_TNUMBER ? 0 : type == LUA_TSTRING ? 1 : 2; };
        if (rank(type) != rank(other.type)) return rank(type) < rank(other.type);
        if (type == LUA_TNUMBER) return number < other.number;
        if (type == LUA_TSTRING) return text < other.text;
        return place < other.place;
    }
};

/// The keys of the plain table at 1, as a list on top.
void pushSortedKeys(State& state, lua_State* lua) {
    std::vector<Key> keys;
    lua_createtable(lua, 0, 0);
    const int list = lua_gettop(lua);
    bool sorted = true;
    lua_pushnil(lua);
    while (lua_next(lua, 1) != 0) {
        lua_pop(lua, 1);
        Key key{lua_type(lua, -1), 0, {}, static_cast<int>(keys.size()) + 1};
        state.charge(2);
        if (key.type == LUA_TNUMBER) key.number = lua_tonumber(lua, -1);
        if (key.type == LUA_TSTRING) {
            std::size_t size = 0;
            const char* text = lua_tolstring(lua, -1, &size);
            key.text = {text, size};
            state.chargeBytes(size);
        }
        sorted = sorted && (keys.empty() || keys.back() < key);
        keys.push_back(key);
        lua_pushvalue(lua, -1);
        lua_rawseti(lua, list, key.place);
    }
    if (sorted) return;
    state.charge(static_cast<std::int64_t>(keys.size()) * 4);
    std::sort(keys.begin(), keys.end());
    lua_createtable(lua, static_cast<int>(keys.size()), 0);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        lua_rawgeti(lua, list, keys[i].place);
        lua_rawseti(lua, -2, static_cast<lua_Integer>(i) + 1);
    }
}

void pushFrozenKeys(State& state, lua_State* lua, const base::json::Value& value) {
    lua_createtable(lua, 0, 0);
    lua_Integer at = 0;
    if (const auto* items = value.asArray()) {
        state.charge(static_cast<std::int64_t>(items->size()));
        for (std::size_t i = 0; i < items->size(); ++i) {
            lua_pushinteger(lua, ++at);
            lua_rawseti(lua, -2, at);
        }
        return;
    }
    std::vector<std::string_view> names;
    state.charge(static_cast<std::int64_t>(value.asObject()->size()) * 4);
    for (const auto& [name, member] : *value.asObject())
        if (!member.isNull()) names.push_back(name);
    std::sort(names.begin(), names.end());
    for (const auto name : names) {
        state.chargeBytes(name.size());
        lua_pushlstring(lua, name.data(), name.size());
        lua_rawseti(lua, -2, ++at);
    }
}

}  // namespace

int baseAssert(State& state, lua_State* lua) {
    if (lua_toboolean(lua, 1) != 0) return lua_gettop(lua);
    state.stop(FailureKind::Runtime, std::string(messageAt(state, lua, 2, "an assertion failed")));
}

int baseError(State& state, lua_State* lua) {
    state.stop(FailureKind::Runtime, std::string(messageAt(state, lua, 1, "an error without a text")));
}

int baseIpairs(State&, lua_State* lua) {
    static const lua_CFunction function = stock("_G", "ipairs");
    return function(lua);
}

int baseNext(State& state, lua_State* lua) {
    if (frozenAt(lua, 1) != nullptr) state.wrong("next() is for the script's own tables; use pairs()");
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 2);
    if (lua_next(lua, 1) != 0) return 2;
    lua_pushnil(lua);
    return 1;
}

int basePairs(State& state, lua_State* lua) {
    const auto* frozen = frozenAt(lua, 1);
    if (frozen == nullptr && lua_type(lua, 1) != LUA_TTABLE) state.wrong("pairs() wants a table");
    lua_settop(lua, 1);
    frozen != nullptr ? pushFrozenKeys(state, lua, *frozen) : pushSortedKeys(state, lua);
    lua_pushinteger(lua, 0);
    lua_pushvalue(lua, 1);
    lua_pushcclosure(lua, &entry<&nextOfPairs>, 3);
    return 1;
}

int baseSelect(State& state, lua_State* lua) {
    const int count = lua_gettop(lua);
    state.charge(count / 8);
    if (lua_type(lua, 1) == LUA_TSTRING && std::string_view(lua_tostring(lua, 1)) == "#") {
        lua_pushinteger(lua, count - 1);
        return 1;
    }
    auto from = integerAt(state, lua, 1, "select");
    if (from < 0) from = count + from;
    if (from < 1) state.wrong("select() wants a number from 1 on");
    return from >= count ? 0 : count - static_cast<int>(from);
}

int baseToNumber(State& state, lua_State* lua) {
    static const lua_CFunction function = stock("_G", "tonumber");
    if (lua_type(lua, 1) == LUA_TSTRING) state.chargeBytes(lua_rawlen(lua, 1));
    return function(lua);
}

int baseToString(State& state, lua_State* lua) {
    if (state.without(Restriction::HiddenAddresses)) {
        luaL_tolstring(lua, 1, nullptr);
        return 1;
    }
    switch (lua_type(lua, 1)) {
        case LUA_TNUMBER:
            lua_pushvalue(lua, 1);
            lua_tostring(lua, -1);
            return 1;
        case LUA_TSTRING: lua_pushvalue(lua, 1); return 1;
        case LUA_TBOOLEAN: lua_pushstring(lua, lua_toboolean(lua, 1) != 0 ? "true" : "false"); return 1;
        default: return baseType(state, lua);
    }
}

int baseType(State& state, lua_State* lua) {
    if (lua_type(lua, 1) == LUA_TNONE) state.wrong("type() wants a value");
    if (lua_type(lua, 1) == LUA_TUSERDATA)
        lua_pushstring(lua, frozenAt(lua, 1) != nullptr ? "table" : "verdict");
    else
        lua_pushstring(lua, luaL_typename(lua, 1));
    return 1;
}

int mathAbs(State& state, lua_State* lua) {
    if (lua_isinteger(lua, 1) == 0) return unary(state, lua, [](double x) { return std::fabs(x); });
    const auto value = lua_tointeger(lua, 1);
    lua_pushinteger(lua, value < 0 ? static_cast<lua_Integer>(0U - static_cast<lua_Unsigned>(value)) : value);
    return 1;
}
int mathCeil(State& state, lua_State* lua) {
    return rounded(state, lua, [](double x) { return std::ceil(x); });
}
int mathFloor(State& state, lua_State* lua) {
    return rounded(state, lua, [](double x) { return std::floor(x); });
}
int mathFmod(State& state, lua_State* lua) {
    static const lua_CFunction function = stock("math", "fmod");
    static_cast<void>(numberAt(state, lua, 1)), static_cast<void>(numberAt(state, lua, 2));
    return function(lua);
}
int mathMax(State& state, lua_State* lua) { return extreme(state, lua, true); }
int mathMin(State& state, lua_State* lua) { return extreme(state, lua, false); }
int mathModf(State& state, lua_State* lua) {
    static const lua_CFunction function = stock("math", "modf");
    static_cast<void>(numberAt(state, lua, 1));
    return function(lua);
}
int mathSqrt(State& state, lua_State* lua) {
    return unary(state, lua, [](double x) { return std::sqrt(x); });
}
int mathExp(State& state, lua_State* lua) {
    return unary(state, lua, [](double x) { return std::exp(x); });
}
int mathLog(State& state, lua_State* lua) {
    const auto value = std::log(numberAt(state, lua, 1));
    lua_pushnumber(lua, lua_isnoneornil(lua, 2) ? value : value / std::log(numberAt(state, lua, 2)));
    return 1;
}
int mathSin(State& state, lua_State* lua) {
    return unary(state, lua, [](double x) { return std::sin(x); });
}
int mathCos(State& state, lua_State* lua) {
    return unary(state, lua, [](double x) { return std::cos(x); });
}
int mathTan(State& state, lua_State* lua) {
    return unary(state, lua, [](double x) { return std::tan(x); });
}
int mathToInteger(State&, lua_State* lua) {
    int whole = 0;
    const auto value = lua_type(lua, 1) == LUA_TNUMBER ? lua_tointegerx(lua, 1, &whole) : 0;
    whole != 0 ? lua_pushinteger(lua, value) : lua_pushnil(lua);
    return 1;
}
int mathType(State& state, lua_State* lua) {
    if (lua_type(lua, 1) == LUA_TNONE) state.wrong("math.type() wants a value");
    if (lua_type(lua, 1) != LUA_TNUMBER)
        lua_pushnil(lua);
    else
        lua_pushstring(lua, lua_isinteger(lua, 1) != 0 ? "integer" : "float");
    return 1;
}
int mathUlt(State& state, lua_State* lua) {
    const auto left = integerAt(state, lua, 1, "math.ult");
    lua_pushboolean(lua, static_cast<lua_Unsigned>(left) < static_cast<lua_Unsigned>(integerAt(state, lua, 2, "math.ult")) ? 1 : 0);
    return 1;
}

void pushPi(lua_State* lua) { lua_pushnumber(lua, std::numbers::pi); }
void pushHuge(lua_State* lua) { lua_pushnumber(lua, std::numeric_limits<double>::infinity()); }
void pushMaxInteger(lua_State* lua) { lua_pushinteger(lua, LUA_MAXINTEGER); }
void pushMinInteger(lua_State* lua) { lua_pushinteger(lua, LUA_MININTEGER); }

std::string_view textAt(State& state, lua_State* lua, int index, std::string_view what) {
    if (lua_type(lua, index) != LUA_TSTRING) {
        state.wrong(std::string(what) + ": argument " + std::to_string(index) + " is " + luaL_typename(lua, index) + ", a text is wanted");
    }
    std::size_t size = 0;
    const char* text = lua_tolstring(lua, index, &size);
    state.chargeBytes(size);
    return {text, size};
}

lua_Integer integerAt(State& state, lua_State* lua, int index, std::string_view what) {
    int whole = 0;
    const auto value = lua_type(lua, index) == LUA_TNUMBER ? lua_tointegerx(lua, index, &whole) : 0;
    if (whole == 0) state.wrong(std::string(what) + ": argument " + std::to_string(index) + ": a whole number is wanted");
    return value;
}

lua_Integer integerOr(State& state, lua_State* lua, int index, std::string_view what, lua_Integer otherwise) {
    return lua_isnoneornil(lua, index) ? otherwise : integerAt(state, lua, index, what);
}

lua_Integer listAt(State& state, lua_State* lua, int index, std::string_view what) {
    if (const auto* frozen = frozenAt(lua, index); frozen != nullptr && frozen->asArray() != nullptr)
        return static_cast<lua_Integer>(frozen->asArray()->size());
    if (lua_type(lua, index) != LUA_TTABLE) state.wrong(std::string(what) + ": argument " + std::to_string(index) + ": a list is wanted");
    return static_cast<lua_Integer>(lua_rawlen(lua, index));
}

void ownTableAt(State& state, lua_State* lua, int index, std::string_view what) {
    if (lua_type(lua, index) != LUA_TTABLE) state.wrong(std::string(what) + ": argument " + std::to_string(index) + ": a table is wanted");
    if (lua_getmetatable(lua, index) != 0) state.stop(FailureKind::Blocked, std::string(what) + ": what the host gives cannot be changed");
}

void pushText(State& state, lua_State* lua, std::string_view text) {
    state.chargeBytes(text.size());
    if (text.size() > kMostString && !state.without(Restriction::StringSize)) state.stop(FailureKind::Memory, "a text over 64 KiB");
    lua_pushlstring(lua, text.data(), text.size());
}

}  // namespace agentidp::policy::sandbox
