#include "http/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace agentidp::http {
namespace {

constexpr unsigned kServedAtOnce = 16;              // pipelined requests before other connections get their turn
constexpr std::size_t kWriteProgress = 64U << 10U;  // a client that takes this much has earned a new write deadline
constexpr unsigned kSwallowedAtOnce = 16;

std::string textOf(const boost::asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).to_string();
    }
    return address.to_string();
}

}  // namespace

Connection::Connection(Loop& loop, std::uint64_t id, int descriptor) : loop_(loop), id_(id), socket_(loop.io().get_executor()) {
    boost::system::error_code ignored;
    socket_.assign(boost::asio::ip::tcp::v6(), descriptor, ignored);
    transport_ = std::make_unique<Transport>(descriptor, *loop.common().tls.read());
}

Connection::~Connection() = default;

void Connection::start() {
    boost::system::error_code error;
    socket_.set_option(boost::asio::ip::tcp::no_delay(true), error);
    const auto remote = socket_.remote_endpoint(error);
    if (error) return close();
    address_ = textOf(remote.address());
    state_ = transport_->tls() ? State::Handshake : State::Reading;
    loop_.wait(*this, transport_->tls() ? Wait::Handshake : Wait::FirstHead);
    waitReadable();
}

void Connection::waitReadable() {
    if (std::exchange(readArmed_, true)) return;
    socket_.async_wait(boost::asio::socket_base::wait_read, [&loop = loop_, id = id_](boost::system::error_code error) {
        if (error != boost::asio::error::operation_aborted) loop.ready(id, &Connection::onReadable);
    });
}

void Connection::waitWritable() {
    if (std::exchange(writeArmed_, true)) return;
    socket_.async_wait(boost::asio::socket_base::wait_write, [&loop = loop_, id = id_](boost::system::error_code error) {
        if (error != boost::asio::error::operation_aborted) loop.ready(id, &Connection::onWritable);
    });
}

void Connection::onReadable() {
    readArmed_ = false;
    step();
}

void Connection::onWritable() {
    writeArmed_ = false;
    step();
}

void Connection::step() {
    switch (state_) {
        case State::Handshake: return shakeHands();
        case State::Reading: return readSome();
        case State::Writing: return flush();
        case State::Lingering: return swallow();
        case State::Handling:
        case State::Closed: return;
    }
}

void Connection::shakeHands() {
    const IoResult result = transport_->handshake();
    switch (result.io) {
        case Io::WantRead: return waitReadable();
        case Io::WantWrite: return waitWritable();
        case Io::Ended: return close();
        case Io::NotTls: {
            Response response = wordRefusal({400, "this port speaks TLS"});
            std::string plain;
            if (writeResponse(plain, response, {.close = true}, loop_.date())) transport_->writePlain(plain);
            loop_.countRefusal(400);
            return linger();
        }
        case Io::Failed:
            if (loop_.common().options.events.handshakeFailed) loop_.common().options.events.handshakeFailed(transport_->failure());
            return linger();
        case Io::Done: break;
    }
    certificate_ = transport_->clientCertificate();
    state_ = State::Reading;
    loop_.wait(*this, Wait::FirstHead);
    readSome();
}

void Connection::readSome() {
    const auto scratch = loop_.scratch();
    while (state_ == State::Reading && pending_.empty()) {
        const IoResult result = transport_->read(scratch);
        switch (result.io) {
            case Io::Done: process({scratch.data(), result.bytes}); break;
            case Io::WantRead: return waitReadable();
            case Io::WantWrite: return waitWritable();
            case Io::Ended: return peerEnded();
            default: return close();
        }
        // A short read emptied the socket; asking again would cost a system call a request.
        const bool emptied = !transport_->tls() && result.bytes < scratch.size();
        if (emptied && state_ == State::Reading && pending_.empty()) return waitReadable();
    }
}

void Connection::process(std::string_view bytes) {
    unsigned served = 0;
    while (!bytes.empty() && state_ == State::Reading) {
        if (served == kServedAtOnce) {
            loop_.wait(*this, Wait::None);
            loop_.resumeLater(id_);
            break;
        }
        if (!reader_) {
            reader_ = std::make_unique<RequestReader>(loop_.common().options.limits);
            if (proven_) loop_.wait(*this, Wait::Head);
        }
        const bool inHead = reader_->stage() == RequestReader::Stage::Head;
        bytes.remove_prefix(reader_->feed(bytes));
        const bool complete = reader_->stage() == RequestReader::Stage::Complete;
        if (!loop_.hold(held_, complete ? 0 : reader_->held())) return refuse({503, "too much is being received at once"});
        switch (reader_->stage()) {
            case RequestReader::Stage::Head: break;
            case RequestReader::Stage::Body:
                if (inHead) loop_.wait(*this, Wait::Body);
                if (reader_->takeContinue() && bytes.empty()) invite();
                break;
            case RequestReader::Stage::Complete:
                ++served;
                dispatch();
                break;
            case RequestReader::Stage::Refused: return refuse(reader_->refusal());
        }
    }
    const bool more = state_ == State::Reading || state_ == State::Handling || (state_ == State::Writing && !closing_);
    if (more && !bytes.empty()) pending_.assign(bytes);
}

void Connection::invite() {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const IoResult result = transport_->write(kContinue);
    if (result.io != Io::Done || result.bytes != kContinue.size()) close();
}

void Connection::dispatch() {
    loop_.countRequest();
    loop_.wait(*this, Wait::None);
    state_ = State::Handling;
    proven_ = true;
    keepAlive_ = reader_->keepAlive();
    http10_ = reader_->http10();
    Request request = reader_->take();
    dropReader();
    headOnly_ = request.method == Method::Head;
    request.peer = {address_, transport_->tls(), certificate_};
    request.receivedAt = std::chrono::time_point_cast<base::nanoseconds>(std::chrono::steady_clock::now());
    loop_.common().options.trustedProxies.apply(request);

    inHandler_ = true;
    loop_.common().handler(std::move(request), respondThrough(loop_.mailbox(), id_));
    inHandler_ = false;
    if (early_) {
        auto response = std::move(early_->response);
        early_.reset();
        answer(std::move(response));
    }
}

void Connection::answer(std::optional<Response>&& response) {
    if (state_ != State::Handling) return;
    if (inHandler_) {
        early_ = Delivery{id_, std::move(response)};
        return;
    }
    if (!response) {
        if (loop_.common().options.events.answerLost) loop_.common().options.events.answerLost();
        closing_ = true;
        response = wordRefusal({500, "the server failed to answer"});
    }
    respond(std::move(*response), headOnly_);
}

void Connection::refuse(Refusal refusal) {
    loop_.countRefusal(refusal.status);
    const bool headOnly = reader_ && reader_->request().method == Method::Head;
    Response response = wordRefusal(refusal);
    dropReader();
    pending_ = {};
    closing_ = true;
    respond(std::move(response), headOnly);
}

void Connection::dropReader() {
    (void)loop_.hold(held_, 0);
    reader_.reset();
}

Response Connection::wordRefusal(const Refusal& refusal) {
    static const Request kUnknown;
    const Peer peer{address_, transport_->tls(), certificate_};
    const Refused refused{refusal, reader_ ? reader_->request() : kUnknown, peer};
    const auto& options = loop_.common().options;
    if (refusal.status != 500 && options.events.refused) options.events.refused(refused);
    if (options.wordRefusal) return options.wordRefusal(refused);
    Response response;
    response.status = refusal.status;
    response.headers.add("Content-Type", "text/plain; charset=utf-8");
    response.body = std::string(refusal.why) + "\n";
    return response;
}

void Connection::respond(Response&& response, bool headOnly) {
    closing_ = closing_ || !keepAlive_ || response.close || loop_.common().draining.load(std::memory_order_relaxed);
    std::string& out = loop_.output();
    out.clear();
    if (!writeResponse(out, response, {headOnly, closing_, http10_}, loop_.date())) {
        closing_ = true;
        if (loop_.common().options.events.answerLost) loop_.common().options.events.answerLost();
        const Response bug{.status = 500, .headers = {}, .body = {}, .close = true};
        (void)writeResponse(out, bug, {headOnly, true, http10_}, loop_.date());
    }
    write(out);
}

void Connection::write(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const IoResult result = transport_->write(std::string_view(bytes).substr(sent));
        if (result.io == Io::Done) {
            sent += result.bytes;
            continue;
        }
        if (result.io != Io::WantWrite && result.io != Io::WantRead) return close();
        output_.assign(bytes, sent);
        sent_ = renewedAt_ = 0;
        state_ = State::Writing;
        loop_.wait(*this, Wait::Write);
        return result.io == Io::WantWrite ? waitWritable() : waitReadable();
    }
    answered();
}

void Connection::flush() {
    while (sent_ < output_.size()) {
        const IoResult result = transport_->write(std::string_view(output_).substr(sent_));
        if (result.io == Io::WantWrite) return waitWritable();
        if (result.io == Io::WantRead) return waitReadable();
        if (result.io != Io::Done) return close();
        sent_ += result.bytes;
        if (sent_ - renewedAt_ >= kWriteProgress) {
            renewedAt_ = sent_;
            loop_.wait(*this, Wait::Write);
        }
    }
    output_ = {};
    answered();
    proceed();
}

void Connection::answered() {
    if (closing_) return linger();
    state_ = State::Reading;
    loop_.wait(*this, Wait::Idle);
}

void Connection::proceed() {
    if (state_ != State::Reading) return;
    if (pending_.empty()) return waitReadable();
    resume();
}

void Connection::resume() {
    const std::string bytes = std::exchange(pending_, {});
    process(bytes);
    if (state_ == State::Reading && pending_.empty()) waitReadable();
}

void Connection::peerEnded() {
    if (!reader_ || !reader_->begun()) return close();
    refuse({400, "the request ended early"});
}

void Connection::onDeadline() {
    switch (wait_) {
        case Wait::Handshake:
            if (loop_.common().options.events.handshakeFailed) loop_.common().options.events.handshakeFailed("the handshake took too long");
            return close();
        case Wait::FirstHead:
        case Wait::Head:
            if (!reader_ || !reader_->begun()) return leave();
            return refuse({408, "the request head took too long"});
        case Wait::Body: return refuse({408, "the request body took too long"});
        case Wait::Idle: return leave();
        case Wait::Write: return abandon();
        case Wait::Linger: return close();
        case Wait::None: return;
    }
}

// The kernel would go on offering what it holds to a client that does not read; a reset frees that at once.
void Connection::abandon() {
    // Not through Asio, which takes the option back when the socket is closed.
    const ::linger reset{.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close();
}

void Connection::leave() {
    transport_->finish();
    close();
}

// Closing a socket that holds unread bytes resets the connection, and the client may lose the answer it was just sent.
void Connection::linger() {
    transport_->finish();
    state_ = State::Lingering;
    dropReader();
    pending_ = {};
    loop_.wait(*this, Wait::Linger);
    waitReadable();
}

void Connection::swallow() {
    for (unsigned i = 0; i < kSwallowedAtOnce; ++i) {
        const IoResult result = transport_->discard(loop_.scratch());
        if (result.io == Io::WantRead) break;
        if (result.io != Io::Done) return close();
    }
    waitReadable();
}

void Connection::close() {
    if (state_ == State::Closed) return;
    state_ = State::Closed;
    dropReader();
    loop_.close(*this);
}

}  // namespace agentidp::http
