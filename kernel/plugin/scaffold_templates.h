#pragma once
/// @file kernel/plugin/scaffold_templates.h
/// The files of kernel/plugin/templates as texts; their table is generated at configure time.
#include <string_view>
#include <vector>

namespace agentidp::plugin {

struct ScaffoldTemplate {
    std::string_view name;  ///< "keys.cpp.in"
    std::string_view text;  ///< @PLACEHOLDER@s are the scaffold's to fill
};
[[nodiscard]] const std::vector<ScaffoldTemplate>& scaffoldTemplates();

}  // namespace agentidp::plugin
