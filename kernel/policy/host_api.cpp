#include "policy/host_api.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "policy/host.h"

namespace agentidp::policy {
namespace {

constexpr std::array kNames{
#define AGENTIDP_HOST_FUNCTION(module, name, function, usage, says) HostName{module, name, usage, says},
#define AGENTIDP_HOST_VALUE(module, name, pusher, usage, says) HostName{module, name, usage, says},
#include "policy/host_api.def"
#undef AGENTIDP_HOST_FUNCTION
#undef AGENTIDP_HOST_VALUE
};

struct Host {
    lua_CFunction function = nullptr;
    void (*push)(lua_State*) = nullptr;
};
constexpr std::array kHosts{
#define AGENTIDP_HOST_FUNCTION(module, name, function, usage, says) Host{&sandbox::entry<&sandbox::function>, nullptr},
#define AGENTIDP_HOST_VALUE(module, name, pusher, usage, says) Host{nullptr, &sandbox::pusher},
#include "policy/host_api.def"
#undef AGENTIDP_HOST_FUNCTION
#undef AGENTIDP_HOST_VALUE
};

constexpr std::string_view kData = "data";

/// Every module's members, by their place in kNames.
using Members = std::unordered_map<std::string_view, std::size_t>;
const std::unordered_map<std::string_view, Members>& modules() {
    static const auto all = [] {
        std::unordered_map<std::string_view, Members> found;
        for (std::size_t i = 0; i < kNames.size(); ++i) found[kNames[i].module].emplace(kNames[i].name, i);
        found[kData];
        return found;
    }();
    return all;
}

}  // namespace

std::span<const HostName> allHostNames() { return kNames; }

bool isHostGlobal(std::string_view name) { return !name.empty() && (modules().contains(name) || modules().at("").contains(name)); }

bool isHostMember(std::string_view module, std::string_view name) {
    if (module == kData) return true;
    const auto found = modules().find(module);
    return found != modules().end() && found->second.contains(name);
}

namespace sandbox {
namespace {

/// Keys of the registry and of module tables that no script can write.
constexpr char kModuleKey = 0;
constexpr char kResolverKey = 0;
void* keyOf(const char& key) { return const_cast<char*>(&key); }

int refuseWrite(State& state, lua_State*) {
    state.stop(FailureKind::Blocked, "what the host gives cannot be changed, and globals cannot be set");
}

void pushModule(State& state, lua_State* lua, std::string_view name);

/// __index(members, name): what is not there yet, or not at all.
int resolve(State& state, lua_State* lua) {
    lua_rawgetp(lua, 1, keyOf(kModuleKey));
    std::size_t size = 0;
    const char* module = lua_tolstring(lua, -1, &size);
    const std::string_view in(module, size);
    if (lua_type(lua, 2) != LUA_TSTRING) state.stop(FailureKind::Blocked, "what the host gives has names only");
    const char* text = lua_tolstring(lua, 2, &size);
    const std::string_view name(text, size);
    const auto& members = modules().at(in);
    if (const auto found = members.find(name); found != members.end()) {
        const bool asked = in != "counter" || state.environment().needs.contains("counter") || state.without(Restriction::Needs);
        if (!asked) state.stop(FailureKind::Blocked, "counter is used without needs = { \"counter\" }");
        const Host& host = kHosts[found->second];
        host.push != nullptr ? host.push(lua) : lua_pushcfunction(lua, host.function);
    } else if (in.empty() && modules().contains(name)) {
        pushModule(state, lua, name);
    } else if (in == kData) {
        const auto& documents = *state.environment().documents;
        const auto document = documents.find(name);
        const bool asked = state.environment().needs.contains("data." + std::string(name)) || state.without(Restriction::Needs);
        if (document == documents.end() || !asked)
            state.stop(FailureKind::Blocked, "a document of data is used that `needs` does not name");
        pushFrozen(lua, document->second);
    } else {
        state.stop(FailureKind::Blocked,
                   (in.empty() ? std::string("a global") : "a member of " + std::string(in)) + " that the sandbox does not have");
    }
    lua_pushvalue(lua, 2);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, 1);
    return 1;
}

/// An empty table that reads from another one, which no script can reach: {} -> members -> resolve.
void pushModule(State& state, lua_State* lua, std::string_view name) {
    const bool frozen = !state.without(name.empty() ? Restriction::FrozenGlobals : Restriction::FrozenLibraries);
    lua_createtable(lua, 0, 0);
    lua_createtable(lua, 0, 8);
    lua_pushlstring(lua, name.data(), name.size());
    lua_rawsetp(lua, -2, keyOf(kModuleKey));
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, keyOf(kResolverKey)) == LUA_TNIL) {
        lua_pop(lua, 1);
        lua_createtable(lua, 0, 1);
        lua_pushcfunction(lua, &entry<&resolve>);
        lua_setfield(lua, -2, "__index");
        lua_pushvalue(lua, -1);
        lua_rawsetp(lua, LUA_REGISTRYINDEX, keyOf(kResolverKey));
    }
    lua_setmetatable(lua, -2);
    lua_createtable(lua, 0, 2);
    lua_insert(lua, -2);
    lua_setfield(lua, -2, "__index");
    if (frozen) {
        lua_pushcfunction(lua, &entry<&refuseWrite>);
        lua_setfield(lua, -2, "__newindex");
    }
    lua_setmetatable(lua, -2);
}

/// The stock libraries beside ours: what GoldenGlobals keeps out.
void addStock(lua_State* lua) {
    luaL_openlibs(lua);
    lua_pushglobaltable(lua);
    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
        lua_pushvalue(lua, -2);
        lua_insert(lua, -2);
        lua_rawset(lua, -5);
    }
    lua_pop(lua, 1);
}

/// The raw members of the table on top that neither `module` lists nor we put there ourselves.
void findStrays(lua_State* lua, std::string_view module, std::vector<std::string>& stray) {
    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
        lua_pop(lua, 1);
        const bool ours = lua_touserdata(lua, -1) == keyOf(kModuleKey);
        const std::string name = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "?";
        const bool listed = module.empty() ? isHostGlobal(name) : isHostMember(module, name);
        if (!ours && !listed) stray.push_back(std::string(module) + (module.empty() ? "" : ".") + name);
    }
}

/// Of the module on top: its own table must be empty, and the one behind it hold nothing but what is listed.
void walkModule(lua_State* lua, std::string_view module, std::vector<std::string>& stray) {
    for (const auto& host : kNames) {
        if (host.module != module || module == "counter") continue;
        lua_pushlstring(lua, host.name.data(), host.name.size());
        lua_gettable(lua, -2);
        lua_pop(lua, 1);
    }
    findStrays(lua, "(own)", stray);
    if (lua_getmetatable(lua, -1) == 0) return stray.push_back(std::string(module) + " is not frozen");
    if (lua_getfield(lua, -1, "__newindex") != LUA_TFUNCTION) stray.push_back(std::string(module) + " is not frozen");
    lua_pop(lua, 1);
    lua_getfield(lua, -1, "__index");
    findStrays(lua, module, stray);
    lua_pop(lua, 2);
}

}  // namespace

std::vector<std::string> strayNames(State& state, lua_State* lua) {
    std::vector<std::string> stray;
    pushGlobals(state, lua);
    for (const auto& [module, members] : modules()) {
        if (module.empty()) continue;
        lua_pushlstring(lua, module.data(), module.size());
        lua_gettable(lua, -2);
        walkModule(lua, module, stray);
        lua_pop(lua, 1);
    }
    walkModule(lua, "", stray);
    lua_pushliteral(lua, "");
    lua_getmetatable(lua, -1);
    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
        lua_pop(lua, 1);
        if (std::string_view(lua_tostring(lua, -1)) != "__index") stray.push_back("a text's " + std::string(lua_tostring(lua, -1)));
    }
    if (lua_getfield(lua, LUA_REGISTRYINDEX, LUA_LOADED_TABLE) != LUA_TNIL) stray.emplace_back("the stock libraries are loaded");
    return stray;
}

void pushGlobals(State& state, lua_State* lua) {
    pushModule(state, lua, "");
    if (state.without(Restriction::GoldenGlobals)) addStock(lua);
    if (state.without(Restriction::StringMetatable)) {
        luaL_requiref(lua, "string", luaopen_string, 0);
        lua_pop(lua, 1);
        return;
    }
    lua_pushliteral(lua, "");
    lua_createtable(lua, 0, 1);
    pushModule(state, lua, "string");
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
    lua_pop(lua, 1);
}

}  // namespace sandbox
}  // namespace agentidp::policy
