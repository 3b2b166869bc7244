#pragma once
/// @file kernel/policy/script_table.h
/// The table that a script returns, read once at load. Private to this room.
#include <bitset>
#include <string>
#include <vector>

#include "policy/host.h"
#include "policy/script_check.h"

namespace agentidp::policy::sandbox {

inline constexpr lua_Integer kHookApi = 1;

struct ScriptTable {
    std::string name;
    std::string version;
    std::vector<std::string> needs;
    bool pooled = false;
    std::vector<HookPlace> hooks;
    std::bitset<64> omits;  ///< by HookPoint
    std::vector<Complaint> complaints;
};
/// Reads what is at `index`; inside State::run.
[[nodiscard]] ScriptTable readTable(State& state, lua_State* lua, int index);

}  // namespace agentidp::policy::sandbox
