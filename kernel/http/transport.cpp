#include "http/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace agentidp::http {
namespace {

constexpr char kTlsHandshakeRecord = 0x16;

IoResult judgeSystem(ssize_t outcome, Io again) {
    if (outcome > 0) return {Io::Done, static_cast<std::size_t>(outcome)};
    if (outcome == 0) return {Io::Ended, 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {again, 0};
    return {Io::Failed, 0};
}

}  // namespace

Transport::Transport(int descriptor, std::shared_ptr<const TlsContext> context) : descriptor_(descriptor), context_(std::move(context)) {
    if (!context_) return;
    session_ = SSL_new(context_->get());
    if (session_ == nullptr || SSL_set_fd(session_, descriptor_) != 1) broken_ = true;
    if (session_ != nullptr) SSL_set_accept_state(session_);
}

Transport::~Transport() { SSL_free(session_); }

IoResult Transport::judge(int outcome) {
    const int error = SSL_get_error(session_, outcome);
    switch (error) {
        case SSL_ERROR_WANT_READ: return {Io::WantRead, 0};
        case SSL_ERROR_WANT_WRITE: return {Io::WantWrite, 0};
        case SSL_ERROR_ZERO_RETURN: return {Io::Ended, 0};
        default: break;
    }
    // After a fatal error OpenSSL forbids even SSL_shutdown.
    broken_ = true;
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    failure_ = reason != nullptr ? reason : "the connection broke";
    ERR_clear_error();
    return {Io::Failed, 0};
}

IoResult Transport::handshake() {
    if (broken_) return {Io::Failed, 0};
    if (!greeted_) {
        char first = 0;
        const auto peeked = judgeSystem(recv(descriptor_, &first, 1, MSG_PEEK), Io::WantRead);
        if (peeked.io != Io::Done) return peeked;
        if (first != kTlsHandshakeRecord) return {Io::NotTls, 0};
        greeted_ = true;
    }
    ERR_clear_error();
    const int outcome = SSL_do_handshake(session_);
    return outcome == 1 ? IoResult{Io::Done, 0} : judge(outcome);
}

IoResult Transport::read(std::span<char> into) {
    if (session_ == nullptr) return judgeSystem(recv(descriptor_, into.data(), into.size(), 0), Io::WantRead);
    ERR_clear_error();
    std::size_t got = 0;
    const int outcome = SSL_read_ex(session_, into.data(), into.size(), &got);
    return outcome == 1 ? IoResult{Io::Done, got} : judge(outcome);
}

IoResult Transport::write(std::string_view bytes) {
    if (session_ == nullptr) return judgeSystem(send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), Io::WantWrite);
    ERR_clear_error();
    std::size_t put = 0;
    const int outcome = SSL_write_ex(session_, bytes.data(), bytes.size(), &put);
    return outcome == 1 ? IoResult{Io::Done, put} : judge(outcome);
}

void Transport::writePlain(std::string_view bytes) const { (void)send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

void Transport::finish() {
    if (session_ != nullptr && !broken_ && SSL_is_init_finished(session_) == 1) {
        ERR_clear_error();
        (void)SSL_shutdown(session_);
        ERR_clear_error();
    }
    (void)shutdown(descriptor_, SHUT_WR);
}

IoResult Transport::discard(std::span<char> scratch) const {
    return judgeSystem(recv(descriptor_, scratch.data(), scratch.size(), 0), Io::WantRead);
}

std::string Transport::clientCertificate() const {
    if (session_ == nullptr || SSL_get_verify_result(session_) != X509_V_OK) return {};
    const X509* leaf = SSL_get0_peer_certificate(session_);
    if (leaf == nullptr) return {};
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(leaf, &bytes);
    if (size <= 0) return {};
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return der;
}

}  // namespace agentidp::http
