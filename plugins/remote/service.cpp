#include "service.h"

#include <Poco/Error.h>
#include <Poco/Exception.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>

#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/URI.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <strings.h>

#include <algorithm>
#include <istream>
#include <mutex>
#include <optional>

#include "watch.h"

namespace agentidp::remote {
namespace {

using Clock = std::chrono::steady_clock;
using Poco::Net::Context;
using Poco::Net::HTTPClientSession;
using Poco::Net::IPAddress;
using Poco::Net::SocketAddress;
using Poco::Net::StreamSocket;

constexpr std::chrono::milliseconds kSlice{20};

Poco::Timespan spanOf(std::chrono::nanoseconds time) {
    return {std::max<Poco::Timespan::TimeDiff>(1'000, std::chrono::duration_cast<std::chrono::microseconds>(time).count())};
}

std::optional<IPAddress> addressIn(const std::string& host) {
    IPAddress address;
    return IPAddress::tryParse(host, address) ? std::optional(address) : std::nullopt;
}

/// Poco would look an address up by name, too.
std::vector<IPAddress> addressesOf(const std::string& host) {
    if (const auto address = addressIn(host)) return {*address};
    return Poco::Net::DNS::resolve(host).addresses();
}

/// What would end a line of the head, or begin another.
bool isClean(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool isRepeatable(const std::string& method) { return method == "GET" || method == "HEAD" || method == "LIST"; }

/// TLS 1.2 or newer; OpenSSL itself checks chain and name within the handshake, so that nothing of the process can talk it out of that.
aip::Outcome<Context::Ptr> contextFor(const Settings& settings, const std::string& host) {
    Context::Params params;
    params.verificationMode = Context::VERIFY_STRICT;
    params.caLocation = settings.caFile;
    params.loadDefaultCAs = settings.caFile.empty();
    params.cipherList = "HIGH:!aNULL:!eNULL:!SHA1:!kRSA";
    Context::Ptr context;
    try {
        context = new Context(Context::TLS_CLIENT_USE, params);
        context->requireMinimumProtocol(Context::PROTO_TLSV1_2);
    } catch (const Poco::Exception& error) {
        ERR_clear_error();
        return aip::denied("the CA file cannot be used", settings.caFile + ": " + error.displayText());
    }
    SSL_CTX_set_verify(context->sslContext(), SSL_VERIFY_PEER, nullptr);
    auto* checks = SSL_CTX_get0_param(context->sslContext());
    X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int named = addressIn(host) ? X509_VERIFY_PARAM_set1_ip_asc(checks, host.c_str())
                                      : X509_VERIFY_PARAM_set1_host(checks, host.c_str(), host.size());
    if (named != 1) return aip::invalid("the URL names no host that a certificate could name", host);
    return context;
}

}  // namespace

std::string_view Answer::header(std::string_view name) const {
    for (const auto& [known, value] : headers)
        if (known.size() == name.size() && strncasecmp(known.data(), name.data(), name.size()) == 0) return value;
    return {};
}

struct Service::Parts {
    struct Connection {
        std::unique_ptr<HTTPClientSession> session;
        StreamSocket socket;
        bool reused = false;
        Clock::time_point idleSince;
    };
    enum class Heard { Nothing, Something };

    Settings settings;
    std::string host, base, origin;
    Poco::UInt16 port = 0;
    Context::Ptr context;  ///< null without TLS
    Watch watch;
    std::mutex mutex;
    std::vector<Connection> idle;

    aip::Outcome<Connection> connectionFor(bool fresh, const aip::Call& call);
    aip::Outcome<Connection> connect(const aip::Call& call);
    aip::Outcome<StreamSocket> reach(const SocketAddress& address, const aip::Call& call) const;
    aip::Outcome<Answer> exchange(Connection& connection, const Request& request, const aip::Call& call, Heard& heard);
    aip::Outcome<Answer> receive(Connection& connection, Heard& heard) const;
    void giveBack(Connection connection);
    [[nodiscard]] aip::Fail unreachable(const std::string& why) const { return aip::unavailable(origin + " cannot be reached", why); }
    [[nodiscard]] aip::Fail failOf(const Poco::Exception& error, const aip::Call& call) const;
};

/// The call's own end first: a socket that was shut down for it fails in many ways.
aip::Fail Service::Parts::failOf(const Poco::Exception& error, const aip::Call& call) const {
    ERR_clear_error();
    if (const auto over = call.check(); !over) return over.fail();
    const auto text = error.displayText();
    const bool distrusted = dynamic_cast<const Poco::Net::CertificateValidationException*>(&error) != nullptr ||
                            text.find("certificate verify failed") != std::string::npos;
    if (distrusted)
        return aip::denied("the certificate of " + origin + " is not accepted",
                           text + ": it must name this host and come from " +
                               (settings.caFile.empty() ? std::string("a root the system trusts") : settings.caFile));
    return unreachable(text);
}

aip::Outcome<StreamSocket> Service::Parts::reach(const SocketAddress& address, const aip::Call& call) const {
    StreamSocket socket;
    socket.connectNB(address);
    const auto until = Clock::now() + settings.connect;
    while (!socket.poll(spanOf(kSlice), Poco::Net::Socket::SELECT_WRITE | Poco::Net::Socket::SELECT_ERROR)) {
        if (const auto over = call.check(); !over) return over.fail();
        if (Clock::now() >= until) return unreachable("no connection within " + std::to_string(settings.connect.count()) + " ms");
    }
    if (const int number = socket.impl()->socketError(); number != 0) return unreachable(Poco::Error::getMessage(number));
    socket.setBlocking(true);
    socket.setNoDelay(true);
    return socket;
}

aip::Outcome<Service::Parts::Connection> Service::Parts::connect(const aip::Call& call) {
    const auto addresses = addressesOf(host);
    aip::Fail last = unreachable("the name has no address");
    for (const auto& address : addresses) {
        if (const auto over = call.check(); !over) return over.fail();
        auto socket = reach(SocketAddress(address, port), call);
        if (!socket) {
            last = socket.fail();
            continue;
        }
        Connection made;
        made.socket = *socket;
        made.socket.setReceiveTimeout(spanOf(call.left()));
        made.socket.setSendTimeout(spanOf(call.left()));
        if (context.isNull()) {
            made.session = std::make_unique<HTTPClientSession>(made.socket);
        } else {
            const Watch::Guard guard(watch, made.socket.impl()->sockfd(), call);
            made.session = std::make_unique<HTTPClientSession>(Poco::Net::SecureStreamSocket::attach(made.socket, host, context));
        }
        // Process-wide settings of the library are not ours.
        made.session->setProxyConfig({});
        made.session->setKeepAlive(true);
        return made;
    }
    return last;
}

aip::Outcome<Service::Parts::Connection> Service::Parts::connectionFor(bool fresh, const aip::Call& call) {
    while (!fresh) {
        Connection found;
        {
            const std::lock_guard lock(mutex);
            if (idle.empty()) break;
            found = std::move(idle.back());
            idle.pop_back();
        }
        // Something to read on an idle connection is its end, or what nobody asked for.
        if (Clock::now() - found.idleSince < settings.keepIdle && !found.socket.poll(Poco::Timespan(0), Poco::Net::Socket::SELECT_READ)) {
            found.reused = true;
            return found;
        }
    }
    return connect(call);
}

void Service::Parts::giveBack(Connection connection) {
    connection.idleSince = Clock::now();
    const std::lock_guard lock(mutex);
    if (idle.size() < settings.idleConnections) idle.push_back(std::move(connection));
}

aip::Outcome<Answer> Service::Parts::receive(Connection& connection, Heard& heard) const {
    Poco::Net::HTTPResponse response;
    std::istream& in = connection.session->receiveResponse(response);
    heard = Heard::Something;
    Answer answer;
    answer.status = response.getStatus();
    for (const auto& [name, value] : response) answer.headers.emplace_back(name, value);
    char piece[4'096];
    while (in.good()) {
        in.read(piece, sizeof piece);
        answer.body.append(piece, static_cast<std::size_t>(in.gcount()));
        if (answer.body.size() > settings.largestAnswer) break;
    }
    aip::wipe(piece, sizeof piece);
    if (answer.body.size() > settings.largestAnswer)
        return aip::unavailable("the answer of " + origin + " is too large", "over " + std::to_string(settings.largestAnswer) + " bytes");
    if (const auto* broken = connection.session->networkException()) broken->rethrow();
    const auto promised = response.getContentLength64();
    if (promised != Poco::Net::HTTPMessage::UNKNOWN_CONTENT_LENGTH && static_cast<std::size_t>(promised) != answer.body.size())
        throw Poco::Net::ConnectionAbortedException("the answer ended early");
    return answer;
}

aip::Outcome<Answer> Service::Parts::exchange(Connection& connection, const Request& request, const aip::Call& call, Heard& heard) {
    const Watch::Guard guard(watch, connection.socket.impl()->sockfd(), call);
    connection.socket.setReceiveTimeout(spanOf(call.left()));
    connection.socket.setSendTimeout(spanOf(call.left()));
    Poco::Net::HTTPRequest head(request.method, base + request.path, Poco::Net::HTTPMessage::HTTP_1_1);
    head.setHost(host, port);
    for (const auto& [name, value] : request.headers) head.set(name, std::string(value.view()));
    if (!request.body.empty()) head.setContentType(request.contentType);
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
        head.setContentLength64(static_cast<Poco::Int64>(request.body.size()));
    std::ostream& out = connection.session->sendRequest(head);
    for (const auto& field : head) aip::wipe(const_cast<char*>(field.second.data()), field.second.size());
    out.write(request.body.view().data(), static_cast<std::streamsize>(request.body.size()));
    out.flush();
    return receive(connection, heard);
}

Service::Service(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Service::~Service() = default;

aip::Outcome<std::unique_ptr<Service>> Service::open(Settings settings) {
    const auto bad = [&settings] { return aip::invalid("not a URL of the form http[s]://host[:port][/base]", settings.url); };
    auto parts = std::make_unique<Parts>();
    try {
        const Poco::URI url(settings.url);
        const bool encrypted = url.getScheme() == "https";
        if ((!encrypted && url.getScheme() != "http") || url.getHost().empty() || !url.getUserInfo().empty() ||
            !url.getRawQuery().empty() || !url.getFragment().empty() || !isClean(settings.url))
            return bad();
        parts->host = url.getHost();
        parts->port = url.getPort();
        parts->base = Poco::URI(url.getPath()).getPathEtc();
        while (!parts->base.empty() && parts->base.back() == '/') parts->base.pop_back();
        const bool bracketed = parts->host.find(':') != std::string::npos;
        parts->origin = url.getScheme() + "://" + (bracketed ? "[" + parts->host + "]" : parts->host) + ":" + std::to_string(parts->port);
        if (encrypted) {
            auto context = contextFor(settings, parts->host);
            if (!context) return context.fail();
            parts->context = *context;
        }
    } catch (const Poco::Exception&) {
        return bad();
    }
    parts->settings = std::move(settings);
    return std::unique_ptr<Service>(new Service(std::move(parts)));
}

aip::Outcome<Answer> Service::ask(const Request& request, const aip::Call& call) {
    const bool sound = !request.method.empty() && isClean(request.method) && isClean(request.path) && isClean(request.contentType) &&
                       request.path.substr(0, 1) == "/" && request.path.find(' ') == std::string::npos &&
                       std::all_of(request.headers.begin(), request.headers.end(),
                                   [](const Header& each) { return isClean(each.name) && isClean(each.value.view()); });
    if (!sound) return aip::invalid("the request has characters that no head may have");
    for (bool fresh = false;; fresh = true) {
        bool reused = false;
        auto heard = Parts::Heard::Nothing;
        try {
            auto connection = parts_->connectionFor(fresh, call);
            if (!connection) return connection.fail();
            reused = connection->reused;
            auto answer = parts_->exchange(*connection, request, call, heard);
            if (answer.ok() && answer->header("connection") != "close" && connection->session->getKeepAlive())
                parts_->giveBack(std::move(*connection));
            return answer;
        } catch (const Poco::Exception& error) {
            // The server may have closed a kept connection while the request was on its way.
            if (reused && heard == Parts::Heard::Nothing && isRepeatable(request.method) && call.check()) continue;
            return parts_->failOf(error, call);
        }
    }
}

bool Service::encrypted() const { return !parts_->context.isNull(); }
bool Service::local() const {
    const auto address = addressIn(parts_->host);
    return parts_->host == "localhost" || (address && address->isLoopback());
}
const std::string& Service::origin() const { return parts_->origin; }

}  // namespace agentidp::remote
