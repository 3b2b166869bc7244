/// The bare floor every token is measured against: Asio, Beast and one ES256 signature a request, no logic, two threads.
/// Answers any request; prints its port and serves until it is killed.
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <array>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <iostream>
#include <memory>
#include <thread>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

// As long as the header and claims of one of our access tokens, and as the whole answer that carries it.
const std::string kSigningInput(420, 's');
const std::string kBody =
    R"({"access_token":")" + std::string(507, 't') + R"(","token_type":"Bearer","expires_in":3600,"scope":"agents:read"})";

EVP_PKEY* key() {
    static EVP_PKEY* const kKey = EVP_EC_gen("P-256");
    return kKey;
}

void sign() {
    thread_local EVP_MD_CTX* const context = EVP_MD_CTX_new();
    std::array<unsigned char, 80> signature{};
    std::size_t size = signature.size();
    EVP_DigestSignInit_ex(context, nullptr, "SHA256", nullptr, nullptr, key(), nullptr);
    EVP_DigestSign(context, signature.data(), &size, reinterpret_cast<const unsigned char*>(kSigningInput.data()), kSigningInput.size());
}

class Session : public std::enable_shared_from_this<Session> {
public:
    explicit Session(tcp::socket&& socket) : stream_(std::move(socket)) {}
    void read() {
        request_ = {};
        stream_.expires_after(std::chrono::seconds(30));
        http::async_read(stream_, buffer_, request_, [self = shared_from_this()](beast::error_code error, std::size_t) {
            if (!error) self->answer();
        });
    }

private:
    void answer() {
        sign();
        response_ = {http::status::ok, request_.version()};
        response_.set(http::field::content_type, "application/json");
        response_.set(http::field::cache_control, "no-store");
        response_.keep_alive(request_.keep_alive());
        response_.body() = kBody;
        response_.prepare_payload();
        http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
            if (!error && self->response_.keep_alive()) self->read();
        });
    }
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    http::request<http::string_body> request_;
    http::response<http::string_body> response_;
};

}  // namespace

int main() {
    std::array<asio::io_context, 2> loops{asio::io_context(1), asio::io_context(1)};
    tcp::acceptor acceptor(loops[0], {asio::ip::make_address("127.0.0.1"), 0});
    std::size_t next = 0;
    std::function<void()> accept = [&] {
        acceptor.async_accept(loops[next++ % loops.size()], [&](beast::error_code error, tcp::socket socket) {
            if (!error) {
                socket.set_option(tcp::no_delay(true));
                const auto executor = socket.get_executor();
                asio::post(executor, [session = std::make_shared<Session>(std::move(socket))] { session->read(); });
            }
            accept();
        });
    };
    accept();
    std::cout << acceptor.local_endpoint().port() << std::endl;
    const auto work = asio::make_work_guard(loops[1]);
    std::thread second([&] { loops[1].run(); });
    loops[0].run();
    second.join();
}
