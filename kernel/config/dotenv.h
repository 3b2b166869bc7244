#pragma once
/// @file kernel/config/dotenv.h
/// Reads --env-file: the dotenv syntax that containers and Node services use. Nothing is expanded.
#include <string_view>

#include "config/environment.h"
#include "config/property_file.h"

namespace agentidp::config {

struct Dotenv {
    Environment variables;
    std::vector<FileProblem> problems;
};

/// `NAME=value`, `export NAME=value`, `# comment`. Unquoted values end at ` #`; '...' is literal; "..." knows \n \r \t \" \\ and
/// \$; both kinds may hold line ends (PEM keys). A name set twice, a quote that never ends and text after a closing quote are
/// problems. Problems never quote values.
[[nodiscard]] Dotenv parseDotenv(std::string_view text);

}  // namespace agentidp::config
