#pragma once
/// @file kernel/http/request_reader.h
/// Bytes -> Request, without a socket: the strict passes over the head and over the framing of chunks (strict_head.h, strict_chunks.h),
/// then Beast's parser on what passed, its events written straight into the Request. What the two read differently is refused. Trailers and
/// chunk extensions are dropped. One object per request; not shared between threads.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/message.h"
#include "http/strict_chunks.h"
#include "http/strict_head.h"

namespace agentidp::http {

/// The most bytes a body may have, by method and path. Must not block.
using BodyLimit = std::function<std::size_t(Method, std::string_view path)>;

struct ReaderLimits {
    HeadLimits head;
    BodyLimit body;  ///< empty = 1 MiB everywhere
};

class RequestReader {
public:
    enum class Stage {
        Head,      ///< the head is not complete
        Body,      ///< the head is; the body is not
        Complete,  ///< take() the request
        Refused,   ///< refusal() says why; nothing more can be read from this connection
    };

    /// `limits` must outlive the reader.
    explicit RequestReader(const ReaderLimits& limits);
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;
    ~RequestReader();

    /// Takes bytes and says how many belonged to this request; the rest begins the next one. Fewer than given only at
    /// Complete and Refused. What must be kept of an unfinished head is kept inside, bounded by the limits.
    std::size_t feed(std::string_view bytes);

    [[nodiscard]] Stage stage() const { return stage_; }
    [[nodiscard]] bool begun() const { return begun_; }
    [[nodiscard]] const Refusal& refusal() const { return refusal_; }
    /// The method and path as far as known; for wording a refusal.
    [[nodiscard]] const Request& request() const { return request_; }
    [[nodiscard]] bool keepAlive() const { return keepAlive_; }
    [[nodiscard]] bool http10() const { return http10_; }
    /// True once, when the client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
    [[nodiscard]] bool takeContinue();
    /// Bytes held of what is not complete.
    [[nodiscard]] std::size_t held() const { return held_.size() + request_.body.size(); }
    [[nodiscard]] Request take() { return std::move(request_); }

private:
    class Parser;

    std::size_t feedHead(std::string_view bytes);
    std::size_t feedBody(std::string_view bytes);
    std::size_t feedChunks(std::string_view bytes);
    void accept(const HeadFacts& facts, std::string_view head);
    void refuse(Refusal refusal);

    const ReaderLimits* limits_;
    Stage stage_ = Stage::Head;
    bool begun_ = false;
    bool keepAlive_ = false;
    bool http10_ = false;
    bool expectsContinue_ = false;
    StrictHead head_;
    Refusal refusal_;
    Request request_;
    std::string held_;                    ///< bytes that cannot be judged yet
    std::optional<StrictChunks> chunks_;  ///< of a chunked body
    std::unique_ptr<Parser> parser_;
};

}  // namespace agentidp::http
