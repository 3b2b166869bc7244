#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string_view>

namespace agentidp::http {
namespace {

constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

base::Error wrong(std::string_view what, const std::string& file) {
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    std::string hint(what);
    if (!file.empty()) hint += " " + file;
    if (reason != nullptr) hint += std::string(": ") + reason;
    return base::fail(base::Errc::Invalid, std::move(hint));
}

// Without this OpenSSL asks on the terminal, and a daemon's start would hang there.
int refusePassphrase(char*, int, int, void*) { return 0; }

int chooseProtocol(SSL*, const unsigned char** out, unsigned char* outSize, const unsigned char* offered, unsigned int size, void*) {
    constexpr std::string_view kHttp11 = "http/1.1";
    for (unsigned int at = 0; at < size && at + 1 + offered[at] <= size; at += 1U + offered[at]) {
        if (std::string_view(reinterpret_cast<const char*>(offered + at + 1), offered[at]) != kHttp11) continue;
        *out = offered + at + 1;
        *outSize = offered[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

base::Result<void> configureClients(ssl_ctx_st* context, const TlsOptions& options) {
    if (options.clientCertificates == ClientCertificates::Ignore) return {};
    if (options.clientCaFile.empty()) return base::fail(base::Errc::Invalid, "client certificates are asked for without a client CA file");
    if (SSL_CTX_load_verify_file(context, options.clientCaFile.c_str()) != 1)
        return wrong("cannot read the client CA file", options.clientCaFile);
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(options.clientCaFile.c_str());
    if (names == nullptr) return wrong("cannot read the client CA file", options.clientCaFile);
    SSL_CTX_set_client_CA_list(context, names);
    const bool required = options.clientCertificates == ClientCertificates::Require;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    return {};
}

}  // namespace

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

base::Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsOptions& options) {
    ERR_clear_error();
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (context == nullptr) return wrong("cannot make a TLS context", "");
    const std::shared_ptr<const TlsContext> made(new TlsContext(context));
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nullptr);
    SSL_CTX_set_default_passwd_cb(context, refusePassphrase);
    if (SSL_CTX_set_cipher_list(context, kCiphers) != 1) return wrong("cannot set the ciphers", "");
    if (SSL_CTX_use_certificate_chain_file(context, options.certificateFile.c_str()) != 1)
        return wrong("cannot read the certificate file", options.certificateFile);
    if (SSL_CTX_use_PrivateKey_file(context, options.keyFile.c_str(), SSL_FILETYPE_PEM) != 1)
        return wrong("cannot read the key file", options.keyFile);
    if (SSL_CTX_check_private_key(context) != 1) return wrong("the key does not belong to the certificate", options.certificateFile);
    if (const auto clients = configureClients(context, options); !clients) return clients.error();
    return made;
}

}  // namespace agentidp::http
