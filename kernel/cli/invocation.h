#pragma once
/// @file kernel/cli/invocation.h
/// One call of `agentidp` as a value: the options every command takes, and the words that are left.
#include <iostream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "config/loader.h"

namespace agentidp::cli {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;  ///< or a backend is unreachable
inline constexpr int kMisuse = 2;  ///< or configuration

enum class Output { Text, Json };

struct Invocation {
    config::Sources sources;
    Output output = Output::Text;
    bool help = false;
    std::vector<std::string> words;  ///< behind the command's name

    [[nodiscard]] bool json() const { return output == Output::Json; }
};

/// Takes --config, --env-file, -D, --json and --help out of `arguments`, wherever they stand. Invalid: an option without its value.
[[nodiscard]] base::Result<Invocation> readInvocation(std::vector<std::string> arguments);

/// One line on standard error, and the code.
int refuse(const std::string& line, int code);
/// The same for an error: Invalid is misuse, everything else a failure.
int refuse(const base::Error& error);
/// The settings, or every problem on standard error and nothing.
[[nodiscard]] std::optional<config::Loaded> settingsOf(const Invocation& invocation);

struct Command {
    std::string_view name;
    std::string_view summary;
    std::string_view usage;  ///< with examples
    int (*run)(const Invocation& invocation);
};

int runInit(const Invocation& invocation);
int runCheck(const Invocation& invocation);
int runKeys(const Invocation& invocation);
int runAudit(const Invocation& invocation);
int runBackup(const Invocation& invocation);
int runRestore(const Invocation& invocation);
int runImport(const Invocation& invocation);
int runMigrate(const Invocation& invocation);
int runConfig(const Invocation& invocation);
int runHealth(const Invocation& invocation);
int runStatus(const Invocation& invocation);
int runDrain(const Invocation& invocation);
int runReload(const Invocation& invocation);
int runJobs(const Invocation& invocation);
int runHook(const Invocation& invocation);

}  // namespace agentidp::cli
