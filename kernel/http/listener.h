#pragma once
/// @file kernel/http/listener.h
/// HTTP/1.1 on sockets: strict, bounded, asynchronous. One event loop a thread; a connection lives on one loop, waits without
/// a buffer or a thread, and is answered in the order it asked. No foreign type leaves this folder.
///
/// Bounds: connections by number, heads and bodies by size, every state by a deadline. A request that is refused gets one
/// clear answer and the end of its connection, never silence; a client that sends nothing is closed without one.
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "http/forwarded.h"
#include "http/message.h"
#include "http/request_reader.h"
#include "http/tls.h"

namespace agentidp::http {

struct Endpoint {
    std::string host;  ///< textual IP, IPv6 without brackets
    std::uint16_t port = 0;
};

/// Wall time a connection may spend in each state.
struct Deadlines {
    base::milliseconds handshake{5'000};
    base::milliseconds head{10'000};     ///< first byte (or accept) to the end of the head; then 408
    base::milliseconds body{10'000};     ///< end of the head to the end of the body; then 408
    base::milliseconds idle{75'000};     ///< between two requests
    base::milliseconds write{30'000};    ///< without 64 KiB taken by the client
    base::milliseconds linger{2'000};    ///< after the last answer, for the client to read it and close
    base::milliseconds patience{1'000};  ///< out of slots: the age at which a connection without a request may be given up
};

/// What is told of a request that never reached the handler.
struct Refused {
    Refusal refusal;
    const Request& request;  ///< what is known of it: method and path may be empty
    const Peer& peer;
};

/// Told on the loops' threads; must not block. Every member may be empty.
struct ListenerEvents {
    std::function<void(const Refused&)> refused;  ///< an answer of ours is being sent
    std::function<void(std::string_view why)> handshakeFailed;
    std::function<void(std::string_view why)> outOfSlots;  ///< accepting pauses; at most once a second
    std::function<void()> answerLost;                      ///< a Respond died unused: a bug of the handler
};

struct ListenerOptions {
    std::vector<std::string> addresses{"127.0.0.1:3000"};  ///< host:port; `[::]:PORT` serves both families; port 0 = any free
    unsigned threads = 0;                                  ///< 0 = one a core
    std::size_t maxConnections = 10'000;
    /// Heads and bodies that are not complete may hold this much together; who would exceed it is answered 503.
    std::size_t incompleteBytes = 256U << 20U;
    ReaderLimits limits;
    Deadlines deadlines;
    std::optional<TlsOptions> tls;
    TrustedProxies trustedProxies;
    /// Words the answer to a refusal (and, as 500, to a lost Respond); plain text when empty. The connection ends after it.
    std::function<Response(const Refused&)> wordRefusal;
    ListenerEvents events;
};

/// Counters since open, read without stopping anything.
struct ListenerStatistics {
    std::uint64_t open = 0;
    std::uint64_t accepted = 0;
    std::uint64_t requests = 0;
    std::uint64_t shed = 0;                    ///< closed to make room
    std::uint64_t turnedAway = 0;              ///< told 503 at accept: no slot or descriptor for twice `patience`
    std::array<std::uint64_t, 600> refused{};  ///< by status
};

class Listener {
public:
    /// Binds and listens; serves nothing before start(). A handler that throws ends the process. Errc::Invalid: an option; Errc::Exists:
    /// the address is in use; Errc::Unavailable: the system refused.
    [[nodiscard]] static base::Result<std::unique_ptr<Listener>> open(ListenerOptions options, Handler handler);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    /// stop()
    ~Listener();

    /// What was bound, in the order of `addresses`.
    [[nodiscard]] const std::vector<Endpoint>& endpoints() const;

    /// Starts the loops. Once.
    void start();

    /// Stops accepting, answers what is in flight with `Connection: close`, closes connections that stay quiet, and returns
    /// when none is open; Errc::Deadline if some are left then (stop() ends them). Not from a loop's thread.
    base::Result<void> drain(base::milliseconds within);

    /// Ends every connection and the threads. A Respond called later is ignored. Not from a loop's thread.
    void stop();

    /// New connections use the new files; on an error everything stays as it was. Any thread.
    base::Result<void> reloadTls(const TlsOptions& options);

    [[nodiscard]] ListenerStatistics statistics() const;

private:
    class Impl;
    explicit Listener(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// While one lives on a thread, answers given on that thread are held back and handed over when it dies, so that a batch of
/// answers wakes each loop once. Nothing else on the thread may wait for one of those answers.
class AnswerBurst {
public:
    AnswerBurst();
    AnswerBurst(const AnswerBurst&) = delete;
    AnswerBurst& operator=(const AnswerBurst&) = delete;
    ~AnswerBurst();
};

}  // namespace agentidp::http
