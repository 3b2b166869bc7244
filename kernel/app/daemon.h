#pragma once
/// @file kernel/app/daemon.h
/// The running daemon: every room made, connected, started and ended in one visible order (wiring.cpp).
#include <memory>
#include <string>

#include "app/foundation.h"
#include "base/result.h"
#include "config/loader.h"
#include "observe/log.h"

namespace agentidp::app {

class Daemon {
public:
    /// Binds the listeners first: a port in use leaves the data directory untouched. On success requests are being served.
    static base::Result<std::unique_ptr<Daemon>> start(config::Loaded loaded, observe::Log& log);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();

    /// New settings, where they can change while running: what cannot is told in the log.
    void reload(const config::Loaded& loaded);
    /// Readiness off, no new connections, what runs is finished, the ledger is flushed and signed. Deadline: something was still
    /// busy when the grace ended.
    base::Result<void> stop();

private:
    struct Rooms;
    explicit Daemon(std::unique_ptr<Rooms> rooms);
    std::unique_ptr<Rooms> rooms_;
};

/// What `agentidp check` says: the whole start short of listening and writing. Every problem, and what would be issued.
struct CheckReport {
    std::vector<std::string> problems;
    std::string issuer, audience, alg, kid;
    std::int64_t lifetimeSeconds = 0;
};

}  // namespace agentidp::app
