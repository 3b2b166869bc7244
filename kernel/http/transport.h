#pragma once
/// @file kernel/http/transport.h
/// Reading and writing a non-blocking socket, in the clear or through TLS. Owns no descriptor and no buffer; never waits.
/// One thread. Inside http/ only.
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/tls.h"

struct ssl_st;

namespace agentidp::http {

enum class Io {
    Done,       ///< `bytes` were moved
    WantRead,   ///< try again when the socket is readable
    WantWrite,  ///< try again when it is writable
    Ended,      ///< the peer will send no more
    Failed,     ///< the connection is of no more use
    NotTls,     ///< handshake only: the peer speaks something else
};

struct IoResult {
    Io io = Io::Failed;
    std::size_t bytes = 0;
};

class Transport {
public:
    /// `context` null = in the clear.
    Transport(int descriptor, std::shared_ptr<const TlsContext> context);
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    ~Transport();

    [[nodiscard]] bool tls() const { return context_ != nullptr; }
    /// Once, before anything else, where tls(). On Failed, failure() says why.
    [[nodiscard]] IoResult handshake();
    [[nodiscard]] IoResult read(std::span<char> into);
    [[nodiscard]] IoResult write(std::string_view bytes);
    /// Writes past TLS, for a peer that speaks none.
    void writePlain(std::string_view bytes) const;
    /// Says that nothing more will be sent: close_notify and FIN.
    void finish();
    /// Reads and forgets what the peer still sends.
    [[nodiscard]] IoResult discard(std::span<char> scratch) const;

    /// The verified client's leaf certificate, DER; empty without one.
    [[nodiscard]] std::string clientCertificate() const;
    [[nodiscard]] std::string failure() const { return failure_; }

private:
    IoResult judge(int outcome);

    int descriptor_;
    std::shared_ptr<const TlsContext> context_;
    ssl_st* session_ = nullptr;
    bool greeted_ = false;
    bool broken_ = false;
    std::string failure_;
};

}  // namespace agentidp::http
