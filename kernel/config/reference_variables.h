#pragma once
/// @file kernel/config/reference_variables.h
/// What the environment variables of the systems we replace mean here: one table, read by the loader and by the documents.
#include <string>
#include <string_view>
#include <vector>

#include "config/environment.h"
#include "config/settings.h"

namespace agentidp::config {

/// A setting that a reference variable asks for.
struct ReferenceWish {
    std::string variable;
    Setting setting{};
    std::string value;
};

/// A plugin setting that one asks for: always a reference (`env:DATABASE_URL`), for these variables hold passwords.
struct ReferencePluginWish {
    std::string variable;
    std::string plugin;
    std::string key;
    std::string value;
};

struct ReferenceReading {
    std::vector<ReferenceWish> wishes;
    std::vector<ReferencePluginWish> pluginWishes;
    std::string mintVariable;             ///< the first of the six that turn the MACP mint on; empty where none is set
    std::vector<std::string> notOffered;  ///< variables that are set and that this version does not serve
};

/// Values are passed on as they are; whether they fit is the loader's question.
[[nodiscard]] ReferenceReading readReferenceVariables(const Environment& environment);

}  // namespace agentidp::config
