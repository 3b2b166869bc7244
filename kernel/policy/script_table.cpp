#include "policy/script_table.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr std::size_t kMostName = 64;
constexpr std::size_t kMostNeeds = 64;

class TableReader {
public:
    TableReader(State& state, lua_State* lua) : state_(state), lua_(lua) {}

    ScriptTable out;

    void read(int index) {
        if (lua_type(lua_, index) != LUA_TTABLE)
            return complain("the script returns no table",
                            "end it with: return { api = 1, name = \"...\", version = \"...\", hooks = { ... } }");
        index = lua_absindex(lua_, index);
        eachMember(index, [&](const std::string& name, int value) { member(name, value); });
        if (!api_) complain("`api` is missing", "write api = 1");
        if (out.name.empty() && !named_) complain("`name` is missing", "write name = \"corp-scope-guard\"");
        if (out.version.empty() && !versioned_) complain("`version` is missing", "write version = \"1\"");
        if (!hooked_) complain("`hooks` is missing", "write hooks = { scope_check = function(ctx) ... end }");
    }

private:
    void complain(std::string text, std::string mend, bool fatal = true) {
        out.complaints.push_back({state_.environment().file, 0, std::move(text), std::move(mend), fatal});
    }

    /// Names only; anything else is complained about. In the order of names.
    template <class Visit>
    void eachMember(int table, Visit visit) {
        std::vector<std::string> names;
        lua_pushnil(lua_);
        while (lua_next(lua_, table) != 0) {
            lua_pop(lua_, 1);
            state_.charge(1);
            if (lua_type(lua_, -1) == LUA_TSTRING)
                names.emplace_back(lua_tostring(lua_, -1));
            else
                complain("the script's table holds a member without a name", "give each member a name");
        }
        std::sort(names.begin(), names.end());
        for (const auto& name : names) {
            lua_pushlstring(lua_, name.data(), name.size());
            lua_rawget(lua_, table);
            visit(name, lua_gettop(lua_));
            lua_pop(lua_, 1);
        }
    }

    std::string textOf(int value) { return lua_type(lua_, value) == LUA_TSTRING ? lua_tostring(lua_, value) : std::string(); }

    void member(const std::string& name, int value) {
        if (name == "api") {
            api_ = true;
            const bool known = lua_isinteger(lua_, value) != 0 && lua_tointeger(lua_, value) == kHookApi;
            if (!known && !state_.without(Restriction::ApiVersion)) complain("`api` is not one this server speaks", "write api = 1");
        } else if (name == "name") {
            named_ = true;
            out.name = textOf(value);
            const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
            if (out.name.empty() || out.name.size() > kMostName || !std::all_of(out.name.begin(), out.name.end(), fits))
                complain("`name` is not [a-z0-9-]{1,64}", "use lower-case letters, digits and hyphens");
        } else if (name == "version") {
            versioned_ = true;
            out.version = textOf(value);
            if (out.version.empty() || out.version.size() > kMostName || !base::isUtf8(out.version))
                complain("`version` is no text of 1 to 64 bytes", "write version = \"2026.09.1\"");
        } else if (name == "state") {
            const auto mode = textOf(value);
            out.pooled = mode == "pooled";
            if (mode != "pooled" && mode != "fresh") complain("`state` is neither \"fresh\" nor \"pooled\"", "leave it out for fresh");
        } else if (name == "needs") {
            needs(value);
        } else if (name == "hooks") {
            hooked_ = true;
            hooks(value);
        } else if (const auto point = hookPointNamed(name); point && rowOf(*point).onFailure == OnFailure::DenyOrOmit) {
            onError(*point, value);
        } else if (!state_.without(Restriction::KnownMembers)) {
            const std::vector<std::string> known{"api", "name", "version", "needs", "hooks", "state", "claims"};
            const auto near = base::nearest(name, known);
            complain("the script's table has a member '" + name + "' that means nothing",
                     (near ? "did you mean " + *near + "? " : "") + "it may have " + base::join(known, ", "));
        }
    }

    void needs(int value) {
        if (lua_type(lua_, value) != LUA_TTABLE || lua_rawlen(lua_, value) > kMostNeeds)
            return complain("`needs` is no list of up to 64 names", "write needs = { \"data.teams\" }");
        const auto count = static_cast<lua_Integer>(lua_rawlen(lua_, value));
        for (lua_Integer i = 1; i <= count; ++i) {
            lua_rawgeti(lua_, value, i);
            const auto need = textOf(-1);
            lua_pop(lua_, 1);
            if (need.starts_with("data.")) {
                if (!state_.environment().documents->contains(std::string_view(need).substr(5)))
                    complain("`needs` names '" + need + "', and there is no such document",
                             "put " + need.substr(5) + ".json beside the scripts, in data/");
            } else if (need != "counter") {
                complain("`needs` holds '" + need + "', which means nothing", "it may hold \"data.<name>\" and \"counter\"");
            }
            out.needs.push_back(need);
        }
    }

    void hooks(int value) {
        if (lua_type(lua_, value) != LUA_TTABLE)
            return complain("`hooks` is no table", "write hooks = { scope_check = function(ctx) ... end }");
        eachMember(value, [&](const std::string& name, int function) {
            const auto point = hookPointNamed(name);
            if (!point) {
                std::vector<std::string> known;
                for (const auto& row : allHookPoints())
                    if (!row.reserved) known.emplace_back(row.name);
                const auto near = base::nearest(name, known);
                if (!state_.without(Restriction::KnownPoints))
                    complain("there is no hook '" + name + "'",
                             (near ? "did you mean " + *near + "? " : "") + "there are " + base::join(known, ", "));
                return;
            }
            if (rowOf(*point).reserved)
                return complain("the hook '" + name + "' is reserved: what it belongs to does not exist yet", "leave it out until it does");
            if (lua_type(lua_, function) != LUA_TFUNCTION || lua_iscfunction(lua_, function) != 0)
                return complain("the hook '" + name + "' is no function of the script", "write " + name + " = function(ctx) ... end");
            lua_Debug at{};
            lua_pushvalue(lua_, function);
            lua_getinfo(lua_, ">S", &at);
            out.hooks.push_back({*point, at.linedefined, at.lastlinedefined});
        });
        if (out.hooks.empty()) complain("`hooks` is empty", "a script without hooks decides nothing");
    }

    void onError(HookPoint point, int value) {
        const std::string name(nameOf(point));
        const auto wrong = [&] {
            complain("`" + name + "` is not { on_error = \"deny\" } or { on_error = \"omit\" }", "leave it out for deny");
        };
        if (lua_type(lua_, value) != LUA_TTABLE) return wrong();
        eachMember(value, [&](const std::string& member, int setting) {
            const auto mode = textOf(setting);
            if (member != "on_error" || (mode != "deny" && mode != "omit")) return wrong();
            out.omits.set(static_cast<std::size_t>(point), mode == "omit");
        });
    }

    State& state_;
    lua_State* lua_;
    bool api_ = false, named_ = false, versioned_ = false, hooked_ = false;
};

}  // namespace

ScriptTable readTable(State& state, lua_State* lua, int index) {
    TableReader reader(state, lua);
    reader.read(index);
    return std::move(reader.out);
}

}  // namespace agentidp::policy::sandbox
