#pragma once
/// @file kernel/http/connection.h
/// One client: handshake, requests one after the other, the last answer, the end. Holds no buffer while it waits for a
/// request. Lives on its loop's thread. Inside http/ only.
#include <memory>
#include <optional>
#include <string>

#include "http/loop.h"

namespace agentidp::http {

class Connection {
public:
    Connection(Loop& loop, std::uint64_t id, int descriptor);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    void start();
    void onReadable();
    void onWritable();
    /// Requests that came with an earlier one are served now.
    void resume();
    /// The answer to the request at hand; nothing if its Respond died.
    void answer(std::optional<Response>&& response);
    /// After answer(): on to the next request.
    void proceed();
    void onDeadline();
    /// Without a request at hand: says goodbye and ends.
    void leave();

    [[nodiscard]] std::uint64_t id() const { return id_; }

private:
    friend class Loop;
    enum class State { Handshake, Reading, Handling, Writing, Lingering, Closed };

    void step();
    void shakeHands();
    void readSome();
    void process(std::string_view bytes);
    void dispatch();
    void peerEnded();
    void refuse(Refusal refusal);
    void dropReader();
    void respond(Response&& response, bool headOnly);
    void write(const std::string& bytes);
    void flush();
    void answered();
    void invite();
    void linger();
    void abandon();
    void swallow();
    void close();
    void waitReadable();
    void waitWritable();
    [[nodiscard]] Response wordRefusal(const Refusal& refusal);

    // For the loop's lists.
    Connection* previous_ = nullptr;
    Connection* next_ = nullptr;
    Wait wait_ = Wait::None;
    base::MonoInstant deadline_{};

    Loop& loop_;
    std::uint64_t id_;
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type> socket_;
    std::unique_ptr<Transport> transport_;
    State state_ = State::Reading;
    bool readArmed_ = false;
    bool writeArmed_ = false;
    bool inHandler_ = false;
    bool keepAlive_ = true;
    bool http10_ = false;
    bool headOnly_ = false;
    bool proven_ = false;  ///< has brought a whole request
    bool closing_ = false;
    std::unique_ptr<RequestReader> reader_;
    std::size_t held_ = 0;           ///< what the loop has counted for it
    std::optional<Delivery> early_;  ///< the answer came before the handler returned
    std::string pending_;            ///< bytes of later requests
    std::string output_;             ///< what the socket did not take at once
    std::size_t sent_ = 0;
    std::size_t renewedAt_ = 0;
    std::string address_;
    std::string certificate_;
};

}  // namespace agentidp::http
