#include "scripted_server.h"

#include <Poco/Exception.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/StreamSocket.h>

#include <list>
#include <thread>

namespace agentidp::remote::tests {

struct ScriptedServer::Parts {
    Script script;
    std::string host;
    bool encrypted = false;
    std::unique_ptr<Poco::Net::ServerSocket> listener;
    std::atomic<bool> ending{false};
    std::atomic<int> connections{0};
    std::thread acceptor;
    std::list<std::thread> talkers;

    class Talk final : public Conversation {
    public:
        Talk(Poco::Net::StreamSocket socket, const std::atomic<bool>& ending) : socket_(std::move(socket)), ending_(ending) {}
        std::string request() override {
            while (true) {
                if (const auto end = text_.find("\r\n\r\n"); end != std::string::npos) {
                    std::size_t size = end + 4;
                    if (const auto at = text_.find("Content-Length: "); at < end) size += std::stoul(text_.substr(at + 16));
                    if (text_.size() >= size) {
                        const auto whole = text_.substr(0, size);
                        text_.erase(0, size);
                        return whole;
                    }
                }
                if (!more()) return {};
            }
        }
        void send(const std::string& bytes) override { socket_.sendBytes(bytes.data(), static_cast<int>(bytes.size())); }
        void waitForEnd() override {
            while (more()) {}
        }

    private:
        bool more() {
            while (!ending_) {
                if (!socket_.poll(Poco::Timespan(0, 10'000), Poco::Net::Socket::SELECT_READ)) continue;
                char piece[4'096];
                const int size = socket_.receiveBytes(piece, sizeof piece);
                if (size > 0) text_.append(piece, static_cast<std::size_t>(size));
                return size > 0;
            }
            return false;
        }
        Poco::Net::StreamSocket socket_;
        const std::atomic<bool>& ending_;
        std::string text_;
    };

    void run() {
        while (!ending) {
            if (!listener->poll(Poco::Timespan(0, 10'000), Poco::Net::Socket::SELECT_READ)) continue;
            auto socket = listener->acceptConnection();
            ++connections;
            talkers.emplace_back([this, socket]() mutable {
                try {
                    Talk talk(socket, ending);
                    script(talk);
                } catch (const Poco::Exception&) {
                    // The other side left, which is what many of the scripts are about.
                }
            });
        }
    }
};

ScriptedServer::ScriptedServer(Script script, const Tls& tls, const std::string& host) : parts_(std::make_unique<Parts>()) {
    parts_->script = std::move(script);
    parts_->host = host;
    parts_->encrypted = !tls.certificateFile.empty();
    const Poco::Net::SocketAddress address(host, 0);
    if (parts_->encrypted) {
        Poco::Net::Context::Params params;
        params.certificateFile = tls.certificateFile;
        params.privateKeyFile = tls.keyFile;
        params.verificationMode = Poco::Net::Context::VERIFY_NONE;
        params.loadDefaultCAs = false;
        const Poco::Net::Context::Ptr context = new Poco::Net::Context(Poco::Net::Context::TLS_SERVER_USE, params);
        parts_->listener = std::make_unique<Poco::Net::SecureServerSocket>(address, 16, context);
    } else {
        parts_->listener = std::make_unique<Poco::Net::ServerSocket>(address, 16);
    }
    parts_->acceptor = std::thread([this] { parts_->run(); });
}

ScriptedServer::~ScriptedServer() {
    parts_->ending = true;
    parts_->acceptor.join();
    for (auto& each : parts_->talkers) each.join();
}

std::string ScriptedServer::url() const {
    return (parts_->encrypted ? "https://" : "http://") + parts_->host + ":" + std::to_string(port());
}
int ScriptedServer::port() const { return parts_->listener->address().port(); }
int ScriptedServer::connections() const { return parts_->connections; }

std::string answer(const std::string& status, const std::string& body, const std::string& moreHeaders) {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + moreHeaders + "\r\n" + body;
}

}  // namespace agentidp::remote::tests
