#pragma once
/// @file kernel/cli/opened.h
/// The data directory for a command that works without a daemon: the same foundation, with a log that only speaks of trouble.
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

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

/// One line of progress on a terminal, for what takes over two seconds; nothing anywhere else.
class Progress {
public:
    explicit Progress(std::string what) : what_(std::move(what)), terminal_(::isatty(STDERR_FILENO) == 1) {}
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() {
        if (spoke_) std::cerr << std::endl;
    }
    void say(const std::string& so) {
        if (!terminal_ || std::chrono::steady_clock::now() - last_ < std::chrono::seconds(spoke_ ? 0 : 2)) return;
        std::cerr << "\r" << what_ << ": " << so << "   " << std::flush;
        spoke_ = true;
    }

private:
    std::string what_;
    bool terminal_;
    bool spoke_ = false;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace agentidp::cli
