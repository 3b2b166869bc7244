#pragma once
/// @file kernel/app/signals.h
/// The process's signals as something to wait for, and what is said to systemd.
#include <string_view>

namespace agentidp::app {

/// Before the first thread: SIGTERM, SIGINT and SIGHUP only arrive at waitForSignal from then on; SIGPIPE is ignored.
void claimSignals();

enum class Signal { Stop, Reload };
/// Blocks until one arrives.
[[nodiscard]] Signal waitForSignal();
/// From now on a further SIGTERM or SIGINT ends the process at once with exit code 1.
void nextStopIsImmediate();

/// sd_notify(3): "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=...". Nothing where systemd does not listen.
void notifySystemd(std::string_view state);

}  // namespace agentidp::app
