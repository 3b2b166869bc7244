#pragma once
/// @file tests/unit/http/raw_client.h
/// A client that sends exactly the bytes it is given, and a listener to send them to. Everything waits on sockets, with a
/// limit after which the test fails.
#include <cppunit/TestAssert.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "http/listener.h"

namespace agentidp::http::tests {

inline constexpr int kPatienceMs = 10'000;

struct Answer {
    int status = 0;  ///< 0: the connection ended without an answer
    std::string head;
    std::string body;
    [[nodiscard]] bool has(std::string_view line) const { return head.find(std::string(line) + "\r\n") != std::string::npos; }
};

class RawClient {
public:
    RawClient() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) { CPPUNIT_ASSERT(socket_ >= 0); }
    explicit RawClient(std::uint16_t port) : RawClient() { connect(port); }
    RawClient(const RawClient&) = delete;
    RawClient(RawClient&& other) noexcept : socket_(std::exchange(other.socket_, -1)), held_(std::move(other.held_)) {}
    RawClient& operator=(const RawClient&) = delete;
    ~RawClient() {
        if (socket_ >= 0) ::close(socket_);
    }

    void connect(std::uint16_t port) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        CPPUNIT_ASSERT_EQUAL(0, ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)));
    }
    [[nodiscard]] int descriptor() const { return socket_; }

    /// False if the other side no longer takes bytes.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    void endSending() { ::shutdown(socket_, SHUT_WR); }

    /// True if there is something to read, or the end, within the time.
    [[nodiscard]] bool readable(int ms = kPatienceMs) const {
        pollfd waiting{socket_, POLLIN, 0};
        return ::poll(&waiting, 1, ms) == 1;
    }
    /// What comes next; empty at the end of the connection.
    std::string receive() {
        CPPUNIT_ASSERT_MESSAGE("nothing came", readable());
        std::string bytes(65536, '\0');
        const auto got = ::recv(socket_, bytes.data(), bytes.size(), 0);
        bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return bytes;
    }
    /// One response to a request with a body in the answer (not HEAD).
    Answer read() {
        while (held_.find("\r\n\r\n") == std::string::npos) {
            if (!more()) return {};
        }
        Answer answer;
        const auto headEnd = held_.find("\r\n\r\n") + 4;
        answer.head = held_.substr(0, headEnd);
        CPPUNIT_ASSERT(answer.head.starts_with("HTTP/1.1 "));
        answer.status = std::stoi(answer.head.substr(9, 3));
        std::size_t length = 0;
        const auto at = answer.head.find("Content-Length: ");
        if (at != std::string::npos) length = std::stoul(answer.head.substr(at + 16));
        while (held_.size() < headEnd + length) CPPUNIT_ASSERT_MESSAGE("the body ended early", more());
        answer.body = held_.substr(headEnd, length);
        held_.erase(0, headEnd + length);
        return answer;
    }
    Answer ask(std::string_view request) {
        CPPUNIT_ASSERT(send(request));
        return read();
    }
    /// True if the connection ends without another byte.
    bool ended() { return held_.empty() && receive().empty(); }
    std::string readToEnd() {
        while (more()) {}
        return std::exchange(held_, {});
    }

private:
    bool more() {
        const std::string bytes = receive();
        held_ += bytes;
        return !bytes.empty();
    }
    int socket_;
    std::string held_;
};

/// Answers 200 with "METHOD path|query|body".
inline void echo(Request&& request, Respond respond) {
    Response response;
    response.body = request.methodText + " " + request.path + "|" + request.query + "|" + request.body;
    respond(std::move(response));
}

inline ListenerOptions loopback() {
    ListenerOptions options;
    options.addresses = {"127.0.0.1:0"};
    options.threads = 2;
    options.deadlines.linger = base::milliseconds(500);
    return options;
}

inline std::unique_ptr<Listener> serve(ListenerOptions options = loopback(), Handler handler = echo) {
    auto listener = Listener::open(std::move(options), std::move(handler));
    CPPUNIT_ASSERT_MESSAGE(listener ? "" : listener.error().hint, listener.ok());
    (*listener)->start();
    return std::move(listener).value();
}

inline std::uint16_t portOf(const Listener& listener) { return listener.endpoints().front().port; }

}  // namespace agentidp::http::tests
