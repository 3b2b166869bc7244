#pragma once
/// @file kernel/control/socket.h
/// The Unix control socket `<runtime.dir>/control.sock`: what the CLI may ask of a running daemon. One JSON object a line
/// each way: {"command": "status", "args": {...}} -> {"ok": true, "result": {...}} or {"ok": false, "code": "...", "error": "..."}.
/// Who may connect is decided by the file (0660, the daemon's group); who did connect is known by SO_PEERCRED and audited.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace agentidp::control {

/// A bundle of hooks is the largest thing that is asked.
inline constexpr std::size_t kMaxLine = 8U << 20U;
inline constexpr std::size_t kMaxAnswer = 4U << 20U;

/// The process at the other end, as the kernel of the machine vouches for it.
struct PeerCredentials {
    std::int64_t uid = -1;
    std::int64_t gid = -1;
    std::int64_t pid = -1;
};

/// One thing that can be asked. Runs on the socket's own thread and may block; others wait meanwhile.
struct Command {
    std::string name;
    std::function<base::Result<base::json::Value>(const base::json::Value& args, const PeerCredentials& peer)> run;
};

/// Serves commands until destroyed. One connection at a time, one request a connection, 5 s to send it.
class ControlServer {
public:
    /// Replaces a stale socket file; a live one (somebody answers) is Errc::Exists.
    static base::Result<std::unique_ptr<ControlServer>> open(const std::string& path, std::vector<Command> commands);
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;
    /// Finishes the request at hand, removes the socket file.
    ~ControlServer();

private:
    ControlServer(std::string path, int listening, int wake, std::vector<Command> commands);
    void serve();
    void answer(int connection);
    [[nodiscard]] std::string respond(std::string_view line, const PeerCredentials& peer) const;

    std::string path_;
    int listening_;
    int wake_;
    std::vector<Command> commands_;
    std::thread thread_;
};

/// Asks a running daemon. Errc::NotFound: nobody listens there. Errors of the daemon come back with their code.
[[nodiscard]] base::Result<base::json::Value> ask(const std::string& path, std::string_view command, const base::json::Value& args,
                                                  base::milliseconds deadline);

}  // namespace agentidp::control
