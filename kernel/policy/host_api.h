#pragma once
/// @file kernel/policy/host_api.h
/// What scripts are given, as values: the rows of host_api.def. Any thread.
#include <span>
#include <string_view>

namespace agentidp::policy {

struct HostName {
    std::string_view module;  ///< "": a global
    std::string_view name;
    std::string_view usage;
    std::string_view says;
};
/// In the order of the table. `data.<document>` is beside it.
[[nodiscard]] std::span<const HostName> allHostNames();
/// Whether a script may name it as a global: a function or a module.
[[nodiscard]] bool isHostGlobal(std::string_view name);
/// Whether the module has it; true for every member of `data`.
[[nodiscard]] bool isHostMember(std::string_view module, std::string_view name);

}  // namespace agentidp::policy
