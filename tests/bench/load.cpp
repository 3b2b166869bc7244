/// A closed-loop load generator: N kept connections, each asks again as soon as it is answered. One thread, epoll. Several
/// windows after a warm-up, then one JSON object: per window and the medians, with errors by status.
///   load --port P [--path /api/v1/token] [--connections 32] [--basic ID:SECRET] [--body FORM] [--type TYPE] [--warmup 5]
///        [--windows 5] [--seconds 10] [--basics FILE]
/// Without --body it sends GET. FILE holds one ID:SECRET a line: each request takes the next, so that many clients ask.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::map<std::string, std::string> given{
        {"port", ""}, {"path", "/api/v1/token"}, {"connections", "32"}, {"basic", ""},     {"basics", ""},
        {"body", ""}, {"warmup", "5"},           {"windows", "5"},      {"seconds", "10"}, {"type", "application/x-www-form-urlencoded"}};
    [[nodiscard]] const std::string& text(const std::string& name) const { return given.at(name); }
    [[nodiscard]] int number(const std::string& name) const { return std::atoi(given.at(name).c_str()); }
};

std::string requestOf(const Options& options, const std::string& basic) {
    const std::string& body = options.text("body");
    std::string request = (body.empty() ? "GET " : "POST ") + options.text("path") + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    if (!basic.empty()) request += "Authorization: Basic " + agentidp::base::base64(agentidp::base::bytesOf(basic)) + "\r\n";
    if (!body.empty()) request += "Content-Type: " + options.text("type") + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return request + "\r\n" + body;
}

std::vector<std::string> requestsOf(const Options& options) {
    std::vector<std::string> requests;
    std::ifstream file(options.text("basics"));
    for (std::string line; std::getline(file, line);)
        if (!line.empty()) requests.push_back(requestOf(options, line));
    if (requests.empty()) requests.push_back(requestOf(options, options.text("basic")));
    return requests;
}

struct Window {
    std::vector<std::uint32_t> micros;
    double seconds = 0;
};

class Load {
public:
    explicit Load(const Options& options)
        : options_(options),
          requests_(requestsOf(options)),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          connections_(static_cast<std::size_t>(options.number("connections"))) {
        for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
    }

    Window run(int seconds) {
        Window window;
        recorded_ = &window.micros;
        window.micros.reserve(1U << 20U);
        const auto start = Clock::now();
        const auto end = start + std::chrono::seconds(seconds);
        std::array<epoll_event, 256> events{};
        auto now = start;
        while (now < end) {
            const int count = epoll_wait(epoll_, events.data(), events.size(), 100);
            for (int i = 0; i < count; ++i) receive(events[static_cast<std::size_t>(i)].data.u64);
            now = Clock::now();
        }
        window.seconds = std::chrono::duration<double>(now - start).count();
        std::sort(window.micros.begin(), window.micros.end());
        return window;
    }
    [[nodiscard]] const std::map<std::string, std::uint64_t>& errors() const { return errors_; }

private:
    struct Connection {
        int socket = -1;
        Clock::time_point asked;
        std::string held;
    };

    void open(std::size_t index) {
        Connection& connection = connections_[index];
        if (connection.socket >= 0) close(connection.socket);
        connection.held.clear();
        connection.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(options_.number("port")));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (connect(connection.socket, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) {
            std::perror("load: connect");
            std::exit(1);
        }
        const int on = 1;
        setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        epoll_event event{EPOLLIN, {.u64 = index}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &event);
        ask(connection);
    }

    void ask(Connection& connection) {
        const std::string& request = requests_[next_++ % requests_.size()];
        connection.asked = Clock::now();
        if (send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
            ++errors_["send"];
    }

    void receive(std::size_t index) {
        Connection& connection = connections_[index];
        std::array<char, 16384> bytes;
        const ssize_t got = recv(connection.socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got <= 0) {
            ++errors_["closed"];
            return open(index);
        }
        connection.held.append(bytes.data(), static_cast<std::size_t>(got));
        const auto headEnd = connection.held.find("\r\n\r\n");
        if (headEnd == std::string::npos) return;
        const auto at = connection.held.find("Content-Length: ");
        const std::size_t length = at < headEnd ? std::strtoul(connection.held.c_str() + at + 16, nullptr, 10) : 0;
        if (connection.held.size() < headEnd + 4 + length) return;
        const std::string_view head = std::string_view(connection.held).substr(0, headEnd + 2);
        const bool ok = head.substr(9, 1) == "2";
        if (!ok) ++errors_[std::string(head.substr(9, 3))];
        if (ok)
            recorded_->push_back(
                static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - connection.asked).count()));
        if (head.find("\r\nConnection: close\r\n") != std::string_view::npos) return open(index);
        connection.held.clear();
        ask(connection);
    }

    const Options& options_;
    std::vector<std::string> requests_;
    std::size_t next_ = 0;
    int epoll_;
    std::vector<Connection> connections_;
    std::vector<std::uint32_t>* recorded_ = nullptr;
    std::map<std::string, std::uint64_t> errors_;
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i += 2) {
        const std::string name = std::string(argv[i]).starts_with("--") ? argv[i] + 2 : argv[i];
        if (!options.given.contains(name) || i + 1 == argc) {
            std::cerr << "load: what is " << argv[i] << "? See the head of tests/bench/load.cpp\n";
            return 2;
        }
        options.given[name] = argv[i + 1];
    }
    Load load(options);
    (void)load.run(options.number("warmup"));
    std::vector<double> rates;
    std::vector<double> p50s;
    std::vector<double> p99s;
    std::string windows;
    for (int i = 0; i < options.number("windows"); ++i) {
        const Window window = load.run(options.number("seconds"));
        const auto at = [&](std::size_t percent) {
            return window.micros.empty() ? 0.0 : window.micros[(window.micros.size() - 1) * percent / 100] / 1000.0;
        };
        rates.push_back(static_cast<double>(window.micros.size()) / window.seconds);
        p50s.push_back(at(50));
        p99s.push_back(at(99));
        std::array<char, 128> line{};
        std::snprintf(line.data(), line.size(), R"(%s{"requests_per_second":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,"answered":%zu})",
                      i == 0 ? "" : ",", rates.back(), p50s.back(), p99s.back(), window.micros.size());
        windows += line.data();
    }
    std::string errors;
    for (const auto& [kind, count] : load.errors()) errors += (errors.empty() ? "\"" : ",\"") + kind + "\":" + std::to_string(count);
    std::printf(R"({"requests_per_second":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,"errors":{%s},"windows":[%s]})"
                "\n",
                median(rates), median(p50s), median(p99s), errors.c_str(), windows.c_str());
}
