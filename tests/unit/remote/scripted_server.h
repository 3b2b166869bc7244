#pragma once
/// @file tests/unit/remote/scripted_server.h
/// A server on loopback that does with each connection what a test says: answers, drips, breaks off, says nothing.
#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace agentidp::remote::tests {

/// One accepted connection, on a thread of the server.
class Conversation {
public:
    virtual ~Conversation() = default;
    /// Head and body of the next request, whose length must be told; empty at the end of the connection.
    virtual std::string request() = 0;
    virtual void send(const std::string& bytes) = 0;
    /// Until the other side has gone, or the server ends.
    virtual void waitForEnd() = 0;
};

class ScriptedServer {
public:
    using Script = std::function<void(Conversation&)>;
    struct Tls {
        std::string certificateFile, keyFile;
    };
    /// `host`: the loopback address it listens on; without a certificate in the clear.
    explicit ScriptedServer(Script script, const Tls& tls = {}, const std::string& host = "127.0.0.1");
    ~ScriptedServer();

    [[nodiscard]] std::string url() const;
    [[nodiscard]] int port() const;
    [[nodiscard]] int connections() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// A whole answer with its length.
std::string answer(const std::string& status, const std::string& body, const std::string& moreHeaders = {});

}  // namespace agentidp::remote::tests
