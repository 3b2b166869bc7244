#pragma once
/// @file kernel/http/tls.h
/// TLS of the listener: 1.2 and 1.3, forward-secret AEAD ciphers, no renegotiation, no resumption (a changed client CA then
/// holds from the next connection on), ALPN http/1.1.
#include <memory>
#include <string>

#include "base/result.h"

struct ssl_ctx_st;

namespace agentidp::http {

enum class ClientCertificates {
    Ignore,
    Request,  ///< a certificate that is sent must verify; none is fine
    Require,
};

struct TlsOptions {
    std::string certificateFile;  ///< PEM: leaf first, then its chain
    std::string keyFile;          ///< PEM, not encrypted
    std::string clientCaFile;     ///< PEM bundle; needed unless client certificates are ignored
    ClientCertificates clientCertificates = ClientCertificates::Ignore;
};

/// An immutable, checked server context. Any thread; connections keep the one they began with.
class TlsContext {
public:
    /// Reads the files now. Errc::Invalid names the file and the reason.
    [[nodiscard]] static base::Result<std::shared_ptr<const TlsContext>> load(const TlsOptions& options);
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    ~TlsContext();

    [[nodiscard]] ssl_ctx_st* get() const { return context_; }

private:
    explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
    ssl_ctx_st* context_;
};

}  // namespace agentidp::http
