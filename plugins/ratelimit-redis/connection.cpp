#include "connection.h"

#include <Poco/Net/Context.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/HostEntry.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/X509Certificate.h>
#include <Poco/Redis/Command.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

namespace agentidp::ratelimit_redis {
namespace {

namespace net = Poco::Net;
using std::chrono::microseconds;

constexpr std::size_t kMaxSend = 64U << 10U;

std::chrono::microseconds leftUntil(Moment until) {
    const auto left = std::chrono::duration_cast<microseconds>(until - std::chrono::steady_clock::now());
    return std::max(left, microseconds(0));
}

std::vector<net::IPAddress> addressesOf(const std::string& host) {
    net::IPAddress literal;
    if (net::IPAddress::tryParse(host, literal)) return {literal};
    return net::DNS::hostByName(host).addresses();
}

bool isIssuedTo(X509* certificate, const std::string& name) {
    net::IPAddress literal;
    if (net::IPAddress::tryParse(name, literal)) return X509_check_ip_asc(certificate, literal.toString().c_str(), 0) == 1;
    return X509_check_host(certificate, name.data(), name.size(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1;
}

}  // namespace

std::string command(std::initializer_list<std::string_view> words) {
    Poco::Redis::Array array;
    for (const auto word : words) array.add(std::string(word));
    return array.toString();
}

struct Trust::Context {
    net::Context::Ptr poco;
};

Trust::Trust() = default;
Trust::~Trust() = default;

aip::Outcome<std::shared_ptr<const Trust>> Trust::make(const std::string& caFile, const std::string& name) {
    std::shared_ptr<Trust> made(new Trust);
    made->name_ = name;
    try {
        net::Context::Params params;
        params.caLocation = caFile;
        params.loadDefaultCAs = caFile.empty();
        params.verificationMode = net::Context::VERIFY_STRICT;
        params.verificationDepth = 9;
        made->context_ = std::make_unique<Context>(Context{new net::Context(net::Context::TLS_CLIENT_USE, params)});
        made->context_->poco->requireMinimumProtocol(net::Context::PROTO_TLSV1_2);
        SSL_CTX_set_mode(made->context_->poco->sslContext(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    } catch (const Poco::Exception& thrown) {
        return aip::invalid("tls_ca_file cannot be read or holds no certificate", thrown.displayText());
    }
    return std::shared_ptr<const Trust>(std::move(made));
}

struct Connection::Socket {
    net::StreamSocket plain;
    std::optional<net::SecureStreamSocket> secure;
    short wanted = POLLIN;

    net::StreamSocket& used() { return secure ? *secure : plain; }
};

Connection::Connection() : socket_(std::make_unique<Socket>()) {}

Connection::~Connection() {
    try {
        // No goodbye: it could wait for a peer that is gone.
        socket_->plain.close();
    } catch (const Poco::Exception&) {}
}

int Connection::fd() const { return socket_->plain.impl()->sockfd(); }
short Connection::wanted() const { return socket_->wanted; }

std::unique_ptr<Connection> Connection::open(const HostPort& at, std::shared_ptr<const Trust> trust, Moment until, Trouble& why) {
    why = {Cause::Unreachable, at.text()};
    try {
        for (const auto& address : addressesOf(at.host)) {
            const auto left = leftUntil(until);
            if (left.count() == 0) break;
            std::unique_ptr<Connection> made(new Connection);
            made->peer_ = at;
            try {
                auto& socket = made->socket_->plain;
                socket.connect(net::SocketAddress(address, at.port), Poco::Timespan(left.count()));
                socket.setBlocking(false);
                socket.setNoDelay(true);
                socket.setKeepAlive(true);
            } catch (const Poco::Exception& thrown) {
                why = {Cause::Unreachable, at.text() + ": " + thrown.displayText()};
                continue;
            }
            made->trust_ = trust;
            if (trust && !made->shakeHands(*trust, until, why)) continue;
            return made;
        }
    } catch (const Poco::Exception& thrown) {
        why = {Cause::Unreachable, at.text() + ": " + thrown.displayText()};
    }
    return nullptr;
}

bool Connection::shakeHands(const Trust& trust, Moment until, Trouble& why) {
    const std::string& name = trust.name_.empty() ? peer_.host : trust.name_;
    try {
        socket_->secure = net::SecureStreamSocket::attach(socket_->plain, name, trust.context_->poco);
        for (;;) {
            const int done = socket_->secure->completeHandshake();
            if (done == 1) break;
            const short events = done == net::SecureStreamSocket::ERR_SSL_WANT_WRITE ? POLLOUT : POLLIN;
            if (!waitFor(events, until)) {
                why = {Cause::Slow, peer_.text() + ": during the TLS handshake"};
                return false;
            }
        }
        const auto certificate = socket_->secure->peerCertificate();
        if (isIssuedTo(const_cast<X509*>(certificate.certificate()), name)) return true;
        why = {Cause::NotTrusted, peer_.text() + ": the certificate is issued to another name"};
    } catch (const net::SSLException& thrown) {
        const auto said = thrown.displayText();
        const bool refused = said.find("certificate") != std::string::npos;
        why = {refused ? Cause::NotTrusted : Cause::NotRedis, peer_.text() + ": " + said};
    } catch (const Poco::Exception& thrown) {
        why = {Cause::Gone, peer_.text() + ": during the TLS handshake: " + thrown.displayText()};
    }
    return false;
}

bool Connection::waitFor(short events, Moment until) const {
    pollfd item{fd(), events, 0};
    const auto left = leftUntil(until).count();
    return left > 0 && ::poll(&item, 1, static_cast<int>(left / 1'000 + 1)) > 0;
}

Connection::Io Connection::send(std::string_view& rest) {
    try {
        while (!rest.empty()) {
            const auto piece = static_cast<int>(std::min(rest.size(), kMaxSend));
            const int sent = socket_->used().sendBytes(rest.data(), piece, MSG_NOSIGNAL);
            if (sent <= 0) return Io::Again;
            rest.remove_prefix(static_cast<std::size_t>(sent));
        }
        return Io::Done;
    } catch (const Poco::Exception&) {
        return Io::Ended;
    }
}

Connection::Io Connection::receive() {
    char piece[16U << 10U];
    try {
        const int got = socket_->used().receiveBytes(piece, sizeof piece);
        if (got == 0) return Io::Ended;
        if (got < 0) {
            socket_->wanted = socket_->secure && got == net::SecureStreamSocket::ERR_SSL_WANT_WRITE ? POLLOUT : POLLIN;
            return Io::Again;
        }
        replies_.feed({piece, static_cast<std::size_t>(got)});
        return Io::Done;
    } catch (const Poco::Exception&) {
        return Io::Ended;
    }
}

std::optional<std::vector<Reply>> Connection::exchange(std::string_view bytes, std::size_t count, Moment until, Trouble& why) {
    std::vector<Reply> got;
    for (;;) {
        const Io sent = send(bytes);
        const Io received = receive();
        Reply reply;
        auto state = ReplyReader::Got::Reply;
        while (got.size() < count && (state = replies_.next(reply)) == ReplyReader::Got::Reply) got.push_back(std::move(reply));
        if (got.size() == count) return got;
        if (state == ReplyReader::Got::Broken || sent == Io::Ended || received == Io::Ended) {
            why = {state == ReplyReader::Got::Broken ? Cause::NotRedis : Cause::Gone, peer_.text()};
            return std::nullopt;
        }
        if (received == Io::Done) continue;
        if (!waitFor(static_cast<short>(wanted() | (sent == Io::Again ? POLLOUT : 0)), until)) {
            why = {Cause::Slow, peer_.text()};
            return std::nullopt;
        }
    }
}

}  // namespace agentidp::ratelimit_redis
