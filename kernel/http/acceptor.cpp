#include "http/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

namespace agentidp::http {
namespace {

constexpr int kBacklog = 1024;
constexpr unsigned kAcceptedAtOnce = 64;
constexpr base::milliseconds kRetry{20};
constexpr std::size_t kMostShed = 16;
constexpr std::string_view kNoSlot = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

base::MonoInstant now() { return std::chrono::time_point_cast<base::nanoseconds>(std::chrono::steady_clock::now()); }

struct HostPort {
    std::string host;
    std::string port;
};

std::optional<HostPort> split(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0) return std::nullopt;
    HostPort parts{address.substr(0, colon), address.substr(colon + 1)};
    const auto number = base::parseInt(parts.port);
    if (!number || *number < 0 || *number > 65535) return std::nullopt;
    if (parts.host.front() == '[') {
        if (parts.host.back() != ']') return std::nullopt;
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    } else if (parts.host.find(':') != std::string::npos) {
        return std::nullopt;
    }
    return parts;
}

base::Error systemError(const std::string& what, int number) {
    const auto code = number == EADDRINUSE ? base::Errc::Exists : base::Errc::Unavailable;
    return base::fail(code, what + ": " + std::strerror(number));
}

base::Result<Endpoint> boundTo(int descriptor) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return systemError("getsockname", errno);
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    getnameinfo(reinterpret_cast<sockaddr*>(&storage), size, host.data(), host.size(), port.data(), port.size(),
                NI_NUMERICHOST | NI_NUMERICSERV);
    return Endpoint{host.data(), static_cast<std::uint16_t>(base::parseInt(port.data()).value_or(0))};
}

}  // namespace

Acceptor::Acceptor(Common& common, std::vector<std::unique_ptr<Loop>>& loops)
    : common_(common), loops_(loops), retry_(loops.front()->io()), reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}

Acceptor::~Acceptor() = default;

base::Result<Endpoint> Acceptor::listen(const std::string& address) {
    const auto parts = split(address);
    if (!parts) return base::fail(base::Errc::Invalid, "not a listen address (host:port): " + address);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* raw = nullptr;
    if (const int code = getaddrinfo(parts->host.c_str(), parts->port.c_str(), &hints, &raw); code != 0)
        return base::fail(base::Errc::Invalid, "cannot resolve the listen address " + address + ": " + gai_strerror(code));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> found(raw, &freeaddrinfo);

    Descriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return systemError("cannot open a socket for " + address, errno);
    const int on = 1;
    const int off = 0;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (found->ai_family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0) return systemError("cannot bind " + address, errno);
    if (::listen(socket.get(), kBacklog) != 0) return systemError("cannot listen on " + address, errno);
    auto endpoint = boundTo(socket.get());
    if (endpoint) sockets_.emplace_back(loops_.front()->io(), socket.release());
    return endpoint;
}

void Acceptor::start() {
    boost::asio::post(loops_.front()->io(), [this] {
        for (auto& socket : sockets_) wait(socket);
    });
}

void Acceptor::finish() {
    boost::asio::post(loops_.front()->io(), [this] {
        retry_.cancel();
        for (auto& socket : sockets_) {
            while (acceptSome(socket) == Outcome::Yield) {}
        }
        sockets_.clear();
        finished_.store(true);
        const std::lock_guard lock(common_.emptyMutex);
        common_.empty.notify_all();
    });
}

void Acceptor::wait(Socket& socket) {
    socket.async_wait(Socket::wait_read, [this, &socket](boost::system::error_code error) {
        if (!error && !finished_.load()) accept(socket);
    });
}

void Acceptor::accept(Socket& socket) {
    const Outcome outcome = acceptSome(socket);
    if (outcome == Outcome::NoSlot || outcome == Outcome::NoDescriptor) return pause(outcome);
    wait(socket);
}

Acceptor::Outcome Acceptor::acceptSome(Socket& socket) {
    for (unsigned i = 0; i < kAcceptedAtOnce; ++i) {
        if (open() >= common_.options.maxConnections) return Outcome::NoSlot;
        Descriptor client(accept4(socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!client.valid()) {
            const bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            if (exhausted) return Outcome::NoDescriptor;
            if (errno == EAGAIN || errno == EWOULDBLOCK) return Outcome::Emptied;
            continue;  // the client gave up while it waited (accept(2), "Error handling")
        }
        pressedSince_ = base::MonoInstant::max();
        shedding_ = 1;
        accepted_.fetch_add(1, std::memory_order_relaxed);
        emptiest().adopt(std::move(client));
    }
    return Outcome::Yield;
}

// A full house: the listening sockets rest, so that they do not spin, connections that bring nothing are closed, and who
// still waits after that is told so.
void Acceptor::pause(Outcome why) {
    const auto at = now();
    if (pressedSince_ == base::MonoInstant::max()) pressedSince_ = at;
    if (common_.options.events.outOfSlots && at - base::seconds(1) > toldAt_) {
        toldAt_ = at;
        common_.options.events.outOfSlots(why == Outcome::NoSlot ? "as many connections are open as server.max_connections allows"
                                                                 : "no descriptor is left");
    }
    for (auto& loop : loops_) loop->shed(shedding_);
    shedding_ = std::min(shedding_ * 2, kMostShed);
    if (at - pressedSince_ > 2 * common_.options.deadlines.patience) turnAway();
    if (std::exchange(paused_, true)) return;
    retry_.expires_after(kRetry);
    retry_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        paused_ = false;
        for (auto& socket : sockets_) {
            // A pause ends the outstanding waits of the sockets that caused it only.
            boost::system::error_code ignored;
            socket.cancel(ignored);
            accept(socket);
        }
    });
}

void Acceptor::turnAway() {
    for (auto& socket : sockets_) {
        Descriptor client(accept4(socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!client.valid() && errno == EMFILE) {
            reserve_ = Descriptor();
            client = Descriptor(accept4(socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        }
        if (client.valid()) {
            turnedAway_.fetch_add(1, std::memory_order_relaxed);
            if (!*common_.tls.read()) {
                std::array<char, 2048> request{};
                (void)recv(client.get(), request.data(), request.size(), 0);  // unread bytes would turn the close into a reset
                (void)send(client.get(), kNoSlot.data(), kNoSlot.size(), MSG_NOSIGNAL);
            }
            client = Descriptor();
        }
        if (!reserve_.valid()) reserve_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
}

std::uint64_t Acceptor::open() const {
    std::uint64_t sum = 0;
    for (const auto& loop : loops_) sum += loop->open();
    return sum;
}

Loop& Acceptor::emptiest() {
    Loop* best = nullptr;
    for (std::size_t i = 0; i < loops_.size(); ++i) {
        Loop& loop = *loops_[(next_ + i) % loops_.size()];
        if (best == nullptr || loop.open() < best->open()) best = &loop;
    }
    ++next_;
    return *best;
}

}  // namespace agentidp::http
