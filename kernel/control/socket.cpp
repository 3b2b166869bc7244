#include "control/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace agentidp::control {
namespace {

using base::Errc;
using base::fail;
using Deadline = std::chrono::steady_clock::time_point;

constexpr std::chrono::milliseconds kExchange{5000};

/// The names that cross the socket; both ends read this list.
constexpr std::array<std::pair<Errc, std::string_view>, 13> kCodes{{{Errc::Invalid, "invalid"},
                                                                    {Errc::NotFound, "not_found"},
                                                                    {Errc::Exists, "exists"},
                                                                    {Errc::Unauthenticated, "unauthenticated"},
                                                                    {Errc::Denied, "denied"},
                                                                    {Errc::Conflict, "conflict"},
                                                                    {Errc::PreconditionFailed, "precondition_failed"},
                                                                    {Errc::TooMany, "too_many"},
                                                                    {Errc::TooLarge, "too_large"},
                                                                    {Errc::Unavailable, "unavailable"},
                                                                    {Errc::Deadline, "deadline"},
                                                                    {Errc::Unsupported, "unsupported"},
                                                                    {Errc::Internal, "internal"}}};

std::string_view nameOf(Errc code) {
    const auto* found = std::find_if(kCodes.begin(), kCodes.end(), [&](const auto& entry) { return entry.first == code; });
    return found == kCodes.end() ? "internal" : found->second;
}

Errc codeNamed(std::string_view name) {
    const auto* found = std::find_if(kCodes.begin(), kCodes.end(), [&](const auto& entry) { return entry.second == name; });
    return found == kCodes.end() ? Errc::Internal : found->first;
}

base::Result<sockaddr_un> addressOf(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return fail(Errc::Invalid, "runtime.dir is too long for a Unix socket: " + path + "; set a shorter runtime.dir");
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

bool waitFor(int fd, short events, Deadline until) {
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd item{fd, events, 0};
        const int ready = ::poll(&item, 1, static_cast<int>(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

/// One line, without its end; nothing on a broken, slow or oversize peer.
std::optional<std::string> readLine(int fd, std::size_t most, Deadline until) {
    std::string line;
    std::array<char, 4096> buffer{};
    for (;;) {
        if (!waitFor(fd, POLLIN, until)) return std::nullopt;
        const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return std::nullopt;
        line.append(buffer.data(), static_cast<std::size_t>(got));
        const auto end = line.find('\n');
        if (end != std::string::npos) return line.substr(0, end);
        if (line.size() > most) return std::nullopt;
    }
}

bool writeAll(int fd, std::string_view text, Deadline until) {
    while (!text.empty()) {
        if (!waitFor(fd, POLLOUT, until)) return false;
        const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

int connectTo(const sockaddr_un& address) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        ::close(fd);
        return -1;
    }
    return fd;
}

std::string errorLine(const base::Error& error) {
    return base::json::write(base::json::Object{{"ok", false}, {"code", nameOf(error.code)}, {"error", error.hint}}) + "\n";
}

}  // namespace

base::Result<std::unique_ptr<ControlServer>> ControlServer::open(const std::string& path, std::vector<Command> commands) {
    auto address = addressOf(path);
    if (!address) return std::move(address).error();
    const int probe = connectTo(*address);
    if (probe >= 0) {
        ::close(probe);
        return fail(Errc::Exists, "another daemon answers on " + path + "; stop it, or set another runtime.dir");
    }
    ::unlink(path.c_str());
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto refuse = [&](const char* step) {
        const std::string why = std::strerror(errno);
        if (listening >= 0) ::close(listening);
        return fail(Errc::Unavailable, "control socket " + path + ": " + step + ": " + why + "; check that runtime.dir is writable");
    };
    if (listening < 0) return refuse("socket");
    // The file must never be open to others, not even between bind and chmod.
    const auto previous = ::umask(0117);
    const int bound = ::bind(listening, reinterpret_cast<const sockaddr*>(&*address), sizeof(*address));
    ::umask(previous);
    if (bound != 0) return refuse("bind");
    if (::listen(listening, 16) != 0) return refuse("listen");
    const int wake = ::eventfd(0, EFD_CLOEXEC);
    if (wake < 0) return refuse("eventfd");
    return std::unique_ptr<ControlServer>(new ControlServer(path, listening, wake, std::move(commands)));
}

ControlServer::ControlServer(std::string path, int listening, int wake, std::vector<Command> commands)
    : path_(std::move(path)), listening_(listening), wake_(wake), commands_(std::move(commands)), thread_([this] { serve(); }) {}

ControlServer::~ControlServer() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof(one));
    thread_.join();
    ::close(listening_);
    ::close(wake_);
    ::unlink(path_.c_str());
}

void ControlServer::serve() {
    for (;;) {
        std::array<pollfd, 2> items{pollfd{listening_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
        if (::poll(items.data(), items.size(), -1) < 0) continue;
        if (items[1].revents != 0) return;
        if (items[0].revents == 0) continue;
        const int connection = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) continue;
        answer(connection);
        ::close(connection);
    }
}

void ControlServer::answer(int connection) {
    const auto until = std::chrono::steady_clock::now() + kExchange;
    ucred who{};
    socklen_t size = sizeof(who);
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return;
    const auto line = readLine(connection, kMaxLine, until);
    if (!line) return;
    const PeerCredentials peer{who.uid, who.gid, who.pid};
    const auto told = respond(*line, peer);  // a command may take longer than an exchange: its time begins behind it
    writeAll(connection, told, std::chrono::steady_clock::now() + kExchange);
}

std::string ControlServer::respond(std::string_view line, const PeerCredentials& peer) const {
    const auto request = base::json::parse(line, {kMaxLine, 16});
    if (!request) return errorLine(request.error());
    const auto name = request->textOr("command", "");
    const auto command = std::find_if(commands_.begin(), commands_.end(), [&](const Command& item) { return item.name == name; });
    if (command == commands_.end()) return errorLine(fail(Errc::Unsupported, "the daemon knows no command '" + name + "'"));
    static const base::json::Value kNoArguments{base::json::Object{}};
    const auto* args = request->find("args");
    auto result = command->run(args != nullptr ? *args : kNoArguments, peer);
    if (!result) return errorLine(result.error());
    return base::json::write(base::json::Object{{"ok", true}, {"result", std::move(*result)}}) + "\n";
}

base::Result<base::json::Value> ask(const std::string& path, std::string_view command, const base::json::Value& args,
                                    base::milliseconds deadline) {
    const auto address = addressOf(path);
    if (!address) return address.error();
    const int fd = connectTo(*address);
    if (fd < 0) {
        const int why = errno;
        if (why == EACCES) return fail(Errc::Denied, "no permission for " + path + "; be the daemon's user or in its group");
        return fail(Errc::NotFound, "no daemon answers on " + path);
    }
    const auto until = std::chrono::steady_clock::now() + deadline;
    const auto line = base::json::write(base::json::Object{{"command", command}, {"args", args}}) + "\n";
    std::optional<std::string> answer;
    if (writeAll(fd, line, until)) answer = readLine(fd, kMaxAnswer, until);
    ::close(fd);
    if (!answer) return fail(Errc::Deadline, "the daemon on " + path + " did not answer in time");
    auto parsed = base::json::parse(*answer, {kMaxAnswer, 32});
    if (!parsed) return fail(Errc::Internal, "the daemon's answer is not JSON");
    const auto* ok = parsed->find("ok");
    if (ok != nullptr && ok->asBool() != nullptr && *ok->asBool()) {
        const auto* result = parsed->find("result");
        return result != nullptr ? *result : base::json::Value();
    }
    return fail(codeNamed(parsed->textOr("code", "internal")), parsed->textOr("error", "the daemon refused"));
}

}  // namespace agentidp::control
