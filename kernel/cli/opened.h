#pragma once
/// @file kernel/cli/opened.h
/// The data directory for a command that works without a daemon: the same foundation, with a log that only speaks of trouble.
#include <memory>

#include "app/foundation.h"
#include "cli/invocation.h"
#include "observe/json_log.h"

namespace agentidp::cli {

struct Opened {
    base::SystemClock clock;
    observe::JsonLog log;
    std::unique_ptr<app::Foundation> foundation;
    Opened();
};

/// Nothing, with the reason on standard error and the exit code in `code`.
[[nodiscard]] std::unique_ptr<Opened> open(config::Loaded loaded, app::Purpose purpose, int& code);
/// Asks the running daemon; NotFound where none runs.
[[nodiscard]] base::Result<base::json::Value> askDaemon(const config::Loaded& loaded, std::string_view command,
                                                        const base::json::Value& args = base::json::Object{});

}  // namespace agentidp::cli
