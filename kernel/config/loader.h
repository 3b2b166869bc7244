#pragma once
/// @file kernel/config/loader.h
/// Puts the layers of configuration on each other, weakest first: built-in, reference variables, file, AGENTIDP_ environment,
/// command line. It finds every problem, not the first.
#include <optional>
#include <string>
#include <vector>

#include "config/environment.h"
#include "config/settings.h"

namespace agentidp::config {

struct Sources {
    std::optional<std::string> file;       ///< --config; absent: the first of `search` that exists
    std::optional<std::string> envFile;    ///< --env-file (dotenv.h); variables of the process win over it
    std::vector<std::string> definitions;  ///< KEY=VALUE of each -D, in order
    Environment environment;
    std::string programFolder;  ///< of the running binary, for the default of plugins.path; may be empty
    std::vector<std::string> search = {"./etc/agentidp.properties", "/etc/agentidp/agentidp.properties"};
};

/// Something wrong: a start is refused. `text` names where, the key and the mend, and never a value.
struct Problem {
    std::string text;
};

/// Something to say once at start, and to go on.
struct Notice {
    enum class Kind {
        ReferenceOverruled,   ///< a reference variable lost against a setting
        ReferenceNotOffered,  ///< a reference variable we know and do not serve
        UnknownVariable,      ///< an AGENTIDP_ variable that is no setting
        PluginNotNamed,       ///< settings of a plugin that no setting loads
    };
    Kind kind;
    std::string variable;  ///< for PluginNotNamed: `<kind>-<name>`
    std::string text;
};

struct Loaded {
    Settings settings;        ///< where a value was wrong, the weaker layer's stands
    Environment environment;  ///< with --env-file in it; what SecretResolver wants
    std::string file;         ///< the file that was read; empty where none was
    std::vector<Problem> problems;
    std::vector<Notice> notices;
    [[nodiscard]] bool ok() const { return problems.empty(); }
};

/// Reads files, and nothing else happens. Before threads start, or at a reload.
[[nodiscard]] Loaded load(const Sources& sources);

}  // namespace agentidp::config
