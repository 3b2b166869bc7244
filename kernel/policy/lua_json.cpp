/// Values on their way in and out of a state.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "policy/host.h"

namespace agentidp::policy::sandbox {
namespace {

class Copier {
public:
    Copier(State& state, lua_State* lua, const CopyLimits& limits) : state_(state), lua_(lua), limits_(limits) {}

    base::json::Value value(int index) {
        index = lua_absindex(lua_, index);
        switch (lua_type(lua_, index)) {
            case LUA_TBOOLEAN: weigh(5); return lua_toboolean(lua_, index) != 0;
            case LUA_TNUMBER: return number(index);
            case LUA_TSTRING: return text(index);
            case LUA_TTABLE: return table(index);
            case LUA_TUSERDATA:
                if (const auto* frozen = frozenAt(lua_, index)) return document(*frozen);
                [[fallthrough]];
            default: bad(std::string("a ") + luaL_typename(lua_, index) + " in a result");
        }
    }

private:
    [[noreturn]] void bad(const std::string& text) { state_.stop(FailureKind::BadResult, text); }

    void weigh(std::size_t bytes) {
        used_ += bytes;
        state_.chargeBytes(bytes + kBytesPerUnit);
        if (used_ > limits_.bytes && !state_.without(Restriction::ResultSize))
            bad("a result over " + std::to_string(limits_.bytes) + " bytes");
    }

    base::json::Value number(int index) {
        weigh(8);
        if (lua_isinteger(lua_, index) != 0) return std::int64_t{lua_tointeger(lua_, index)};
        const double number = lua_tonumber(lua_, index);
        if (!std::isfinite(number)) bad("a result holds a number that JSON does not have");
        return number;
    }

    std::string text(int index) {
        std::size_t size = 0;
        const char* bytes = lua_tolstring(lua_, index, &size);
        weigh(size + 2);
        if (!base::isUtf8({bytes, size})) bad("a result holds a text that is not UTF-8");
        return {bytes, size};
    }

    void enter(const void* table) {
        if (depth_ >= static_cast<std::size_t>(limits_.depth) && !(state_.without(Restriction::ResultDepth) && depth_ < within_.size() - 1))
            bad("a result nested deeper than " + std::to_string(limits_.depth));
        for (std::size_t i = 0; i < depth_; ++i)
            if (within_[i] == table) bad("a result that holds itself");
        if (depth_ >= within_.size() || lua_checkstack(lua_, 4) == 0) bad("a result nested deeper than can be read");
        within_[depth_++] = table;
    }

    base::json::Value table(int index) {
        if (lua_getmetatable(lua_, index) != 0) bad("a library in a result");
        enter(lua_topointer(lua_, index));
        weigh(2);
        const auto length = lua_rawlen(lua_, index);
        base::json::Array items;
        base::json::Object members;
        if (length > 0) {
            for (lua_Unsigned i = 1; i <= length; ++i) {
                lua_rawgeti(lua_, index, static_cast<lua_Integer>(i));
                items.push_back(value(-1));
                lua_pop(lua_, 1);
            }
        }
        std::size_t seen = 0;
        lua_pushnil(lua_);
        while (lua_next(lua_, index) != 0) {
            ++seen;
            state_.charge(1);
            if (lua_type(lua_, -2) == LUA_TSTRING) {
                if (length > 0) bad("a table that is a list and has names too");
                auto name = text(-2);
                members.emplace_back(std::move(name), value(-1));
            } else if (length == 0) {
                bad("a table whose members are neither names nor 1, 2, ...");
            }
            lua_pop(lua_, 1);
        }
        if (length > 0 && seen != length) bad("a list with a hole, or with names too");
        --depth_;
        if (length > 0 || members.empty()) return items;
        std::sort(members.begin(), members.end(), [](const auto& left, const auto& right) { return left.first < right.first; });
        return members;
    }

    base::json::Value document(const base::json::Value& value) {
        if (const auto* text = value.asText()) {
            weigh(text->size() + 2);
            return value;
        }
        weigh(8);
        if (const auto* items = value.asArray()) {
            enter(items);
            base::json::Array copy;
            for (const auto& item : *items) copy.push_back(document(item));
            --depth_;
            return copy;
        }
        if (const auto* members = value.asObject()) {
            enter(members);
            base::json::Object copy;
            for (const auto& [name, member] : *members) {
                weigh(name.size() + 2);
                copy.emplace_back(name, document(member));
            }
            --depth_;
            return copy;
        }
        return value;
    }

    State& state_;
    lua_State* lua_;
    CopyLimits limits_;
    std::size_t used_ = 0;
    std::array<const void*, 64> within_{};
    std::size_t depth_ = 0;
};

}  // namespace

void pushCopy(lua_State* lua, const base::json::Value& value) {
    if (const auto* text = value.asText()) {
        lua_pushlstring(lua, text->data(), text->size());
    } else if (const auto* whole = value.asInt()) {
        lua_pushinteger(lua, *whole);
    } else if (const auto* number = value.asDouble()) {
        lua_pushnumber(lua, *number);
    } else if (const auto* flag = value.asBool()) {
        lua_pushboolean(lua, *flag ? 1 : 0);
    } else if (const auto* items = value.asArray()) {
        luaL_checkstack(lua, 3, nullptr);
        lua_createtable(lua, static_cast<int>(items->size()), 0);
        for (std::size_t i = 0; i < items->size(); ++i) {
            pushCopy(lua, (*items)[i]);
            lua_rawseti(lua, -2, static_cast<lua_Integer>(i) + 1);
        }
    } else if (const auto* members = value.asObject()) {
        luaL_checkstack(lua, 3, nullptr);
        lua_createtable(lua, 0, static_cast<int>(members->size()));
        for (const auto& [name, member] : *members) {
            lua_pushlstring(lua, name.data(), name.size());
            pushCopy(lua, member);
            lua_rawset(lua, -3);
        }
    } else {
        lua_pushnil(lua);
    }
}

void pushLookedAt(lua_State* lua, const base::json::Value& value, const Reads& reads) {
    if (reads.whole || value.asObject() == nullptr) return pushCopy(lua, value);
    luaL_checkstack(lua, 3, nullptr);
    lua_createtable(lua, 0, static_cast<int>(reads.members.size()));
    for (const auto& [name, below] : reads.members) {
        const auto* member = value.find(name);
        if (member == nullptr) continue;
        lua_pushlstring(lua, name.data(), name.size());
        pushLookedAt(lua, *member, below);
        lua_rawset(lua, -3);
    }
}

base::json::Value copyOut(State& state, lua_State* lua, int index, const CopyLimits& limits) {
    return Copier(state, lua, limits).value(index);
}

}  // namespace agentidp::policy::sandbox
